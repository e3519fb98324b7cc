# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # Sends events to ActiveSupport::Notifications, named `stale.etcd_discovery` and so on.
    #
    # The payload is the event's, with the client.
    #
    # @api private
    module Instrumentation
      SUFFIX = ".etcd_discovery"

      module_function

      def listening?(name) = ActiveSupport::Notifications.notifier.listening?("#{name}#{SUFFIX}")

      def pass(event)
        payload = event.payload.merge(client: event.client)
        ActiveSupport::Notifications.instrument("#{event.name}#{SUFFIX}", payload)
      end
    end
  end
end
