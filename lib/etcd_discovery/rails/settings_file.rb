# frozen_string_literal: true

require "erb"
require "yaml"

module EtcdDiscovery
  class Railtie < ::Rails::Railtie
    # Settings by environment in YAML with ERB, like Rails' `config_for`. Settings under `shared` apply to
    # all.
    #
    # Unlike `config_for`, it reports mistakes as errors.
    #
    # @api private
    class SettingsFile
      def initialize(root, name, environment)
        @root = root
        @path = File.join(root, name)
        @name = name
        @environment = environment.to_s
      end

      # @return [Hash{Symbol => Object}] checked; empty if the file does not exist
      # @raise [ConfigurationError]
      def settings
        return {} if sections.empty?

        missing(sections) unless sections.key?(@environment) || sections.key?("shared")
        checked(sections, "shared").merge(checked(sections, @environment))
      end

      # With `shared` no section is required, so a misspelled one would be ignored silently.
      #
      # @return [String, nil] a warning about such sections
      def warning
        return if sections.empty?

        stray = sections.keys - ["shared", *environments] - templates
        return if stray.empty?

        "#{@name}: #{stray.join(', ')}: no such environment, so its settings are ignored; the " \
          "environments are #{environments.join(', ')}, and `shared` is for all of them"
      end

      private

      def sections = @sections ||= File.exist?(@path) ? parse : {}

      # Rails' environments, and those with their own file, as Rails' generators create it.
      def environments
        files = Dir.glob("config/environments/*.rb", base: @root).map { |file| File.basename(file, ".rb") }
        (%w[development test production] + files + [@environment]).uniq.sort
      end

      # Sections that exist for others to include, by an anchor.
      def templates = File.read(@path).scan(/^["']?([^\s"'#:]+)["']?:[ \t]*&/).flatten

      def parse
        template = ERB.new(File.read(@path))
        template.filename = @path
        mapping(load(template.result), @name)
      rescue Error
        raise
      # A template may raise anything, including a syntax error.
      rescue StandardError, ScriptError => e
        raise ConfigurationError, "#{@name}: it is not valid YAML with ERB: #{reason(e)}"
      end

      def load(text) = YAML.safe_load(text, permitted_classes: [Symbol], aliases: true, filename: @name)

      # Psych's message would quote the alias, which may be a password that begins with an asterisk.
      def reason(error)
        return "an alias without its anchor; quote text that begins with *" if error.is_a?(Psych::BadAlias)

        # After its first line, a syntax error quotes the template, including passwords.
        "#{error.class}: #{error.is_a?(ScriptError) ? error.message.lines.first.to_s.chomp : error.message}"
      end

      def mapping(value, place)
        return {} if value.nil?
        return value.transform_keys(&:to_s) if value.is_a?(Hash)

        raise ConfigurationError, "#{place}: of class #{value.class}, not a mapping"
      end

      def missing(sections)
        raise ConfigurationError,
              "#{@name}: no section for the environment #{@environment}, only for " \
              "#{sections.keys.join(', ')}; add `#{@environment}:` or `shared:` with settings below it"
      end

      def checked(sections, section)
        place = "#{@name} (#{section})"
        Configuration.check(mapping(sections[section], place), place)
      end
    end
  end
end
