# frozen_string_literal: true

require_relative "finding"

module EtcdDiscovery
  class Doctor
    # The settings in force, and where each comes from.
    #
    # @api private
    class SettingsCheck < Check
      check_name :settings

      def findings
        found = [*given, *taken]
        context.hopeless = found.any? { |finding| finding.level == :wrong } || instead
        context.hopeless ? found : [*found, *warnings, *watched]
      end

      private

      def given
        Configuration::SETTINGS.filter_map do |setting|
          origin = config.origin(setting.name)
          next if origin == :default && setting.name != :endpoints

          show(setting, origin)
        end
      end

      def show(setting, origin)
        fine("#{setting.show(config.get(setting.name))} (#{words(origin)})", subject: setting.name.to_s)
      rescue ConfigurationError => e
        wrong(e.message, subject: setting.name.to_s, advice: "correct #{words(origin)}")
      end

      # What only the client itself knows of the settings: whether endpoints can be read, what goes together.
      def taken
        Client.new(config)
        instead ? [doubtful("#{config.source} is used instead of etcd", subject: "source")] : []
      rescue ConfigurationError => e
        if given.any? do |finding|
          finding.level == :wrong
        end
          []
        else
          [wrong(e.message, advice: "correct the setting")]
        end
      end

      def instead = !config.source.nil?

      # Of the origins that are no variable of the environment.
      WORDS = { given: "given in code, or as an option", default: "the default",
                fallback: "Rails' configuration, or config/etcd_discovery.yml" }.freeze
      private_constant :WORDS

      def words(origin) = WORDS.fetch(origin) { "the variable #{origin}" }

      def warnings = config.warnings.map { |warning| doubtful(warning) }

      def watched
        return [] if config.watch.any?

        advice = "config.watch names the keys; or give them: doctor /config/ /service/"
        [doubtful("nothing is watched", subject: "watch", advice:)]
      end
    end
  end
end
