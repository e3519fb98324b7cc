# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # Scripts with which a shell completes commands and options, made from the table of commands and from what
    # the parser knows. They start no process and ask no etcd.
    #
    # @api private
    class Completions
      # What the argument of an option is called that is a file.
      FILE = /FILE/
      WORDS = { "--format" => %w[plain endpoints kratos zero] }.freeze
      # Arguments of a command that are words.
      ARGUMENTS = { "completions" => %w[bash zsh] }.freeze

      # @param commands [Hash{String => String}] what each does
      # @param options_of [Hash{Symbol => Array<String>}] the commands of each option that not all have
      # @param switches [Array<OptionParser::Switch>]
      def initialize(commands, options_of, switches)
        @commands = commands
        @options_of = options_of.transform_keys { |name| "--#{name.to_s.tr('_', '-')}" }
        @switches = switches.select { |switch| switch.long.any? }
      end

      private

      # @param command [String, nil] `nil`: before there is one, every option may come
      def options_for(command) = switches_for(command).flat_map(&:long)

      def switches_for(command)
        @switches.select do |switch|
          commands = @options_of[switch.long.first]
          command.nil? || commands.nil? || commands.include?(command)
        end
      end
    end
  end
end

require_relative "completions/bash"
require_relative "completions/zsh"
