# frozen_string_literal: true

module EtcdDiscovery
  # Loads the railtie, even if Rails is loaded after this gem.
  #
  # A `require` in config/unicorn.rb comes before Rails. When Bundler.require asks for the gem again, Ruby has
  # it already.
  #
  # @api private
  module RailsLoading
    RAILTIE = File.expand_path("../railtie", __dir__)

    class << self
      # Called when the gem is loaded.
      def begin
        return load_railtie if defined?(::Rails::Railtie)

        # Loads a small file of ActiveSupport, only if the bundle includes Rails.
        require "active_support/lazy_load_hooks" if defined?(Gem) && Gem.loaded_specs.key?("railties")
        return unless defined?(::ActiveSupport) && ::ActiveSupport.respond_to?(:on_load)

        # Runs just before the body of the application's class, which may use `config.etcd_discovery`.
        ::ActiveSupport.on_load(:before_configuration, yield: true) { load_railtie }
      end

      # Called before the default client is created: without Bundler, nothing announces that Rails was loaded.
      def catch_up
        load_railtie if defined?(::Rails::Railtie)
      end

      private

      def load_railtie
        return if defined?(EtcdDiscovery::Railtie)
        # RubyGems takes a lock to load a file.
        raise SignalHandlerError if Lock.in_signal_handler?

        require RAILTIE
        run_initializers_if_late
      end

      # An application that is already initializing has its list of initializers, without the railtie's.
      def run_initializers_if_late
        late = true
        # The block runs at once if, and only if, an application is already past that point.
        ::ActiveSupport.on_load(:before_initialize, yield: true) do |app|
          Railtie.instance.run_initializers(:default, app) if late
        end
        late = false
      end
    end
  end
end
