# frozen_string_literal: true

module EtcdDiscovery
  # What the gem does by itself in Rails: it takes settings from `config.etcd_discovery` and
  # `config/etcd_discovery.yml`, logs to `Rails.logger`, and connects when a server boots.
  #
  # Everything else (console, runner, tasks, generators, Sidekiq) connects at its first read, and without one
  # never.
  #
  # All of it is in initializers: {RailsLoading} runs them itself if the application has begun without them.
  #
  # @api private
  # @example config/environments/production.rb
  #   config.etcd_discovery.watch = ["/config/"]
  class Railtie < ::Rails::Railtie
    config.etcd_discovery = ActiveSupport::OrderedOptions.new

    initializer "etcd_discovery.settings", before: :load_config_initializers do |app|
      DefaultClient.fallback_settings = -> { Settings.of(app) }
    end

    # As Rails asks of threads that call an application's code. Else a block that uses the database would keep
    # its connection forever, and a block that names a class of the application would see the one before a
    # reload. Where code is not reloaded, the reloader is just the executor.
    initializer "etcd_discovery.callbacks", before: :load_config_initializers do |app|
      EtcdDiscovery.around_callbacks { |callback| app.reloader.wrap(&callback) }
    end

    # A wrong setting stops the boot of anything, not only of a server: so it is found before a deployment.
    initializer "etcd_discovery.check", before: :load_config_initializers do |app|
      app.config.after_initialize do
        client = EtcdDiscovery.client if EtcdDiscovery.configured?
        app.executor.register_hook(ExecutorPin.new(client)) if client&.config&.pin_executor
      end
    end

    # Called by `Rails.application.load_server` in config.ru: in the master if that preloads, else in each
    # worker.
    initializer "etcd_discovery.server", before: :load_config_initializers do |app|
      app.server { Boot.start if EtcdDiscovery.configured? }
    end
  end
end

require_relative "rails/boot"
require_relative "rails/current_logger"
require_relative "rails/executor_pin"
require_relative "rails/settings"
require_relative "rails/settings_file"
