# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # Reports errors inside this gem to `Rails.error` of Rails 7 and later.
    #
    # These are caught panics, and a copy that an audit found wrong. Failures of networks, servers and people
    # are not errors of the application; they are in the events, the log and the status.
    #
    # @api private
    module ErrorReports
      # The events that can carry such an error.
      NAMES = %i[disconnect divergence registration].freeze
      SOURCE = "etcd_discovery"

      module_function

      def listening?(name) = NAMES.include?(name) && !reporter.nil?

      def pass(event)
        error = event[:error]
        return unless error.is_a?(InternalError)

        reporter.report(error, handled: true, severity: :error, context: context(event), **source)
      end

      def reporter
        ::Rails.error if defined?(::Rails) && ::Rails.respond_to?(:error)
      end

      def context(event)
        { etcd_discovery: JsonSafe.of(event.payload.except(:error)).merge("event" => event.name.to_s) }
      end

      # Rails 7.0 does not support sources.
      def source
        known = reporter.method(:report).parameters.any? { |_, name| name == :source }
        known ? { source: SOURCE } : {}
      end
    end
  end
end
