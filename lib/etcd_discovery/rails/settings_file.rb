# frozen_string_literal: true

require "erb"
require "yaml"

module EtcdDiscovery
  class Railtie < ::Rails::Railtie
    # Settings by environment in YAML with ERB, as Rails' `config_for` has them: what stands under `shared`
    # holds for all. Unlike there, what cannot be meant is an error.
    #
    # @api private
    class SettingsFile
      def initialize(root, name, environment)
        @root = root
        @path = File.join(root, name)
        @name = name
        @environment = environment.to_s
      end

      # @return [Hash{Symbol => Object}] checked; empty when there is no such file
      # @raise [ConfigurationError]
      def settings
        return {} if sections.empty?

        missing(sections) unless sections.key?(@environment) || sections.key?("shared")
        checked(sections, "shared").merge(checked(sections, @environment))
      end

      # With `shared` nothing is missing, and a misspelt section would be ignored in silence.
      #
      # @return [String, nil] what to warn of
      def warning
        return if sections.empty?

        stray = sections.keys - ["shared", *environments] - templates
        return if stray.empty?

        "#{@name}: #{stray.join(', ')}: no such environment, so its settings hold nowhere; the " \
          "environments are #{environments.join(', ')}, and `shared` is for all of them"
      end

      private

      def sections = @sections ||= File.exist?(@path) ? parse : {}

      # Those of Rails, and what has a file of its own, as Rails' generators have it.
      def environments
        files = Dir.glob("config/environments/*.rb", base: @root).map { |file| File.basename(file, ".rb") }
        (%w[development test production] + files + [@environment]).uniq.sort
      end

      # Sections that are there for others to take in, by an anchor.
      def templates = File.read(@path).scan(/^["']?([^\s"'#:]+)["']?:[ \t]*&/).flatten

      def parse
        template = ERB.new(File.read(@path))
        template.filename = @path
        mapping(load(template.result), @name)
      rescue Error
        raise
      # What a template raises may be anything, an error of syntax included.
      rescue StandardError, ScriptError => e
        raise ConfigurationError, "#{@name}: it is not accepted as YAML with ERB: #{reason(e)}"
      end

      def load(text) = YAML.safe_load(text, permitted_classes: [Symbol], aliases: true, filename: @name)

      # Psych would tell the text of the alias, which may be a password that begins with an asterisk.
      def reason(error)
        return "an alias without its anchor; quote a text that begins with *" if error.is_a?(Psych::BadAlias)

        # Below its first line an error of syntax quotes the template, passwords included.
        "#{error.class}: #{error.is_a?(ScriptError) ? error.message.lines.first.to_s.chomp : error.message}"
      end

      def mapping(value, place)
        return {} if value.nil?
        return value.transform_keys(&:to_s) if value.is_a?(Hash)

        raise ConfigurationError, "#{place}: of class #{value.class}, not a mapping"
      end

      def missing(sections)
        raise ConfigurationError,
              "#{@name}: nothing for the environment #{@environment}, but for #{sections.keys.join(', ')}; " \
              "add `#{@environment}:` or `shared:` with settings below it"
      end

      def checked(sections, section)
        place = "#{@name} (#{section})"
        Configuration.check(mapping(sections[section], place), place)
      end
    end
  end
end
