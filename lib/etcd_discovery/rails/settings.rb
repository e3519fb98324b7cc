# frozen_string_literal: true

module EtcdDiscovery
  class Railtie < ::Rails::Railtie
    # The settings of a Rails application besides its configure block and the environment.
    #
    # @api private
    module Settings
      FILE = "config/etcd_discovery.yml"
      # The types of settings that name a file.
      PATHS = %i[path source].freeze

      class << self
        # Evaluated at each call: an initializer may still have changed something.
        def of(app)
          own = Configuration.check(app.config.etcd_discovery.to_h, "config.etcd_discovery")
          file = SettingsFile.new(app.root, FILE, ::Rails.env)
          given = ours.merge(file.settings, own)
          warn_once(file.warning, given[:logger])
          given.to_h { |name, value| [name, rooted(name, value, app.root)] }
        end

        private

        def warn_once(warning, logger)
          return if warning.nil? || warning == @warned

          @warned = warning
          Events::EventLogger.write(logger, :warn, warning)
        end

        # Tests need no etcd.
        def ours = { logger: CurrentLogger, source: (Source::MEMORY if ::Rails.env.test?) }.compact

        # A server or a cron task may run in a folder other than the application's.
        def rooted(name, value, root)
          path = value && value != Source::MEMORY && PATHS.include?(Configuration.setting(name).type)
          path ? File.expand_path(value, root) : value
        end
      end
    end
  end
end
