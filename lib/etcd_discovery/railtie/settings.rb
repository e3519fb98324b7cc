# frozen_string_literal: true

module EtcdDiscovery
  class Railtie < ::Rails::Railtie
    # What an application says besides its block and the environment.
    #
    # @api private
    module Settings
      FILE = "config/etcd_discovery.yml"

      class << self
        # Asked each time anew: an initializer may still have changed something.
        def of(app)
          own = app.config.etcd_discovery.to_h
          ours.merge(SettingsFile.new(app.root, FILE, ::Rails.env).settings)
              .merge(Configuration.check(own, "config.etcd_discovery"))
        end

        private

        def ours = { logger: ::Rails.logger }.compact
      end
    end
  end
end
