# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # Passes events on to ActiveSupport::Notifications, `Rails.event` and `Rails.error`, if they are loaded
    # and something listens.
    #
    # @api private
    class Notifications < EventSubscription
      OUTLETS = [Instrumentation, RailsEvent, ErrorReports].freeze

      def self.available?
        defined?(ActiveSupport::Notifications) ? true : false
      end

      def initialize(client)
        super(client, EventType::ALL.map(&:name), method(:pass_on))
      end

      # Checked at every event, because nothing announces a new listener. A process without one needs no
      # thread.
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

      def listening?(name) = OUTLETS.any? { |outlet| outlet.listening?(name) }

      # A failing listener must not keep an event from the others.
      def pass_on(event)
        failures = OUTLETS.select { |outlet| outlet.listening?(event.name) }.filter_map do |outlet|
          outlet.pass(event)
          nil
        rescue StandardError => e
          e
        end
        raise failures.first if failures.any?
      end
    end
  end
end
