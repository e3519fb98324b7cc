# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # Who wants to be told of one client's events: its subscribers, and ActiveSupport where it is loaded.
    class Audience
      def initialize(client)
        @client = client
        @subscriptions = []
        @lock = Mutex.new
      end

      def <<(subscription)
        @lock.synchronize { @subscriptions += [subscription] }
      end

      def delete(subscription)
        @lock.synchronize { @subscriptions -= [subscription] }
      end

      def any?
        !everybody.empty?
      end

      def tell(event)
        everybody.each { |listener| listener.offer(event) }
      end

      def follow_changes
        everybody.each(&:follow_changes)
      end

      private

      # ActiveSupport may be loaded after the client was made.
      def everybody
        @notifications ||= Notifications.new(@client) if Notifications.available?
        [*@subscriptions, *@notifications]
      end
    end
  end
end
