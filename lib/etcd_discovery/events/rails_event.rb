# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # Sends events to `Rails.event`, the structured events of Rails 8.1, named `etcd_discovery.stale` and so
    # on.
    #
    # Any encoder can write the payload. `change` is left out: there may be thousands a second, and a
    # subscriber of `Rails.event` receives every event.
    #
    # @api private
    module RailsEvent
      PREFIX = "etcd_discovery."

      module_function

      def listening?(name)
        reporter = self.reporter
        return false if reporter.nil? || name == :change

        reporter.respond_to?(:subscribers) ? reporter.subscribers.any? : true
      end

      def pass(event)
        reporter.notify("#{PREFIX}#{event.name}", payload(event))
      end

      # Only Rails itself may have this, and it is `nil` without an application.
      def reporter
        ::Rails.event if defined?(::Rails) && ::Rails.respond_to?(:event)
      end

      # Uses the event's own time, because it may have waited for the thread that passes it on.
      def payload(event)
        error = event[:error]
        plain = JsonSafe.of(event.payload).transform_keys(&:to_sym)
        plain[:error_class] = error.class.name if error
        plain.merge(happened_at: JsonSafe.of(event.time))
      end
    end
  end
end
