# frozen_string_literal: true

module EtcdDiscovery
  module Metrics
    # All samples of one metric, in Prometheus' format.
    #
    # @api private
    class Family
      ESCAPES = { "\\" => "\\\\", "\n" => "\\n", '"' => '\"' }.freeze

      # @yieldparam status [Status]
      # @yieldparam client [Client]
      # @yieldreturn [Numeric, Boolean, Array] a value, or pairs of additional labels and a value
      def initialize(name, type, help, &samples)
        @name = "etcd_discovery_#{name}"
        @type = type
        @help = help
        @samples = samples
      end

      # @param readings [Array] of labels, status and client
      def text(readings)
        lines = readings.flat_map do |labels, status, client|
          found = @samples.arity == 2 ? @samples.call(status, client) : @samples.call(status)
          found = [[{}, found]] unless found.is_a?(Array)
          found.map { |more, value| "#{@name}{#{written(labels.merge(more))}} #{number(value)}\n" }
        end
        "# HELP #{@name} #{@help}\n# TYPE #{@name} #{@type}\n#{lines.join}"
      end

      private

      # Prometheus treats an empty label as missing.
      def written(labels)
        labels.map { |name, value| %(#{name}="#{value.to_s.scrub.gsub(/[\\\n"]/, ESCAPES)}") }.join(",")
      end

      def number(value)
        case value
        when true then 1
        when false then 0
        when Float::INFINITY then "+Inf"
        else value
        end
      end
    end
  end
end
