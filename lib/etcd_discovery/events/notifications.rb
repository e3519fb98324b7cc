# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # Passes events on to ActiveSupport::Notifications, named `stale.etcd_discovery` and so on, if it is
    # loaded and something listens. The payload is the event's, with the client.
    #
    # @api private
    class Notifications < EventSubscription
      SUFFIX = ".etcd_discovery"

      def self.available?
        defined?(ActiveSupport::Notifications) ? true : false
      end

      def initialize(client)
        super(client, EventType::ALL.map(&:name), method(:instrument))
      end

      # ActiveSupport does not tell when a listener comes, so this is asked whenever something happens: a
      # process without a listener pays for no thread.
      def follow
        return if @joined || names.none? { |name| listening?(name) }

        @joined = true
        Dispatcher.add(self)
      end

      def follow_changes
        return end_changes unless listening?(:change)

        super
      end

      # Each client has its own.
      def move(former, _client)
        end_changes if @client.equal?(former)
        false
      end

      private

      def wanted?(name, _origin)
        listening?(name)
      end

      def end_changes
        @lock.synchronize do
          @changes&.cancel
          @changes = nil
        end
      end

      def listening?(name)
        ActiveSupport::Notifications.notifier.listening?("#{name}#{SUFFIX}")
      end

      def instrument(event)
        payload = event.payload.merge(client: @client)
        ActiveSupport::Notifications.instrument("#{event.name}#{SUFFIX}", payload)
      end
    end
  end
end
