# frozen_string_literal: true

module EtcdDiscovery
  # The default client, which the module's own methods use.
  #
  # @api private
  module DefaultClient
    @lock = Lock.new
    @fallback = -> { {} }

    class << self
      # @return [Client, nil] `nil` before anything was configured or read
      attr_reader :current

      # Sets the source of settings that apply below the environment: in Rails, Rails' own settings.
      #
      # A client that a read created earlier, without any configuration, is replaced at its next use.
      def fallback_settings=(fallback)
        @lock.synchronize do
          @fallback = fallback
          next unless @implicit

          @outdated = current
          EtcdDiscovery.native_default = @current = nil
        end
      end

      def configure
        RailsLoading.catch_up
        config = Configuration.new(below: @fallback.call)
        yield config if block_given?
        use(Client.new(config), implicit: false)
      end

      # The current client, or a new one from the environment and the fallback settings.
      def get
        return current if current && !@idle

        RailsLoading.catch_up
        current || use(Client.new(Configuration.new(below: @fallback.call)), implicit: true)
      end

      # @return [Boolean] whether there is a client, or settings that define something to watch
      # @raise [ConfigurationError] for a wrong setting
      # @param receiver [Client, Module] what reads and writes are called on
      # @return [Client]
      def behind(receiver) = receiver.equal?(EtcdDiscovery) ? get : receiver

      def configured?
        RailsLoading.catch_up
        !current.nil? || Configuration.new(below: @fallback.call).watch.any?
      end

      def stop
        (current || @outdated)&.stop
      end

      private

      def use(client, implicit:)
        former = @lock.synchronize do
          # Another thread's first read was faster; both continue with the same client.
          return current if implicit && current

          replace(client, implicit)
        end
        Lock.soon { @lock.synchronize { hand_over(former) } } if former
        client
      end

      def replace(client, implicit)
        former = current || @outdated
        @outdated = nil
        @current = client
        @implicit = implicit
        # A read came before any settings. Rails' settings may still come, and nothing announces them, so the
        # next read checks again.
        @idle = implicit && client.config.watch.empty?
        EtcdDiscovery.native_default = @idle ? nil : client
        former
      end

      # If several clients are replaced at once, each hands over to the last one.
      def hand_over(former)
        Dispatcher.move(former, current || @outdated)
        former.stop
      end
    end
  end
end
