# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # Who wants to be told of one client's events: its subscribers, and ActiveSupport where it is loaded.
    #
    # No lock: a signal handler may subscribe and cancel. Each change of the list is one call of Ruby's C
    # code.
    class Audience
      def initialize(client)
        @client = client
        @subscriptions = {}.compare_by_identity
      end

      def <<(subscription)
        @subscriptions[subscription] = true
      end

      def delete(subscription)
        @subscriptions.delete(subscription)
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
        [*@subscriptions.keys, *@notifications]
      end
    end
  end
end
