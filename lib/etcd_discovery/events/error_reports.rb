# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # `Rails.error` of Rails 7 and later: reports what is a mistake of this gem, a caught panic or a copy that
    # an audit found to differ. What networks, servers and people cause is no error of the application: it is
    # in the events, the log and the status.
    #
    # @api private
    module ErrorReports
      # Those that can carry such an error.
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

      # Rails 7.0 has no sources.
      def source
        known = reporter.method(:report).parameters.any? { |_, name| name == :source }
        known ? { source: SOURCE } : {}
      end
    end
  end
end
