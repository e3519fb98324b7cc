# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # Passes events on to ActiveSupport::Notifications, as `stale.etcd_discovery` and so on, where that is
    # loaded and somebody listens. The payload is the event's, with the client.
    class Notifications < EventSubscription
      SUFFIX = ".etcd_discovery"

      def self.available?
        defined?(ActiveSupport::Notifications) ? true : false
      end

      def initialize(client)
        super(client, EventType::ALL.map(&:name), method(:instrument))
      end

      # Nobody is to pay for a thread without a listener.
      def offer(event)
        return unless listening?(event.name)

        join
        super
      end

      # ActiveSupport does not tell when somebody begins to listen, so this is asked at every look.
      def follow_changes
        return super if listening?(:change)

        end_changes
      end

      # Each client has its own.
      def move(former, _client)
        end_changes if @client.equal?(former)
        false
      end

      private

      def begin_changes
        join
        super
      end

      def end_changes
        @lock.synchronize do
          @changes&.cancel
          @changes = nil
        end
      end

      def join
        Dispatcher.add(self) unless @joined
        @joined = true
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
