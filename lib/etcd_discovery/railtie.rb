# frozen_string_literal: true

module EtcdDiscovery
  # What the gem does automatically in Rails:
  #
  # - It reads settings from `config.etcd_discovery` and `config/etcd_discovery.yml`.
  # - It logs to `Rails.logger`.
  # - It connects when a server boots. Everything else (console, runner, tasks, generators, Sidekiq) connects
  #   at its first read, and without a read never.
  #
  # All of it is in initializers. {RailsLoading} runs them itself if the application started without them.
  #
  # @api private
  # @example config/environments/production.rb
  #   config.etcd_discovery.watch = ["/config/"]
  class Railtie < ::Rails::Railtie
    config.etcd_discovery = ActiveSupport::OrderedOptions.new

    rake_tasks { load File.expand_path("rails/doctor.rake", __dir__) }

    initializer "etcd_discovery.settings", before: :load_config_initializers do |app|
      DefaultClient.fallback_settings = -> { Settings.of(app) }
    end

    # Rails asks this of threads that call an application's code. Without it, a block that uses the database
    # would keep its connection forever, and a block that names an application class would see the one before
    # a reload. If code is not reloaded, the reloader is just the executor.
    initializer "etcd_discovery.callbacks", before: :load_config_initializers do |app|
      EtcdDiscovery.around_callbacks { |callback| app.reloader.wrap(&callback) }
    end

    # A wrong setting stops the boot of anything, not only of a server, so it is found before a deployment.
    initializer "etcd_discovery.check", before: :load_config_initializers do |app|
      app.config.after_initialize do
        client = EtcdDiscovery.client if EtcdDiscovery.configured?
        app.executor.register_hook(ExecutorPin.new(client)) if client&.config&.pin_executor
      end
    end

    # Called by `Rails.application.load_server` in config.ru: in the master if it preloads, otherwise in each
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
