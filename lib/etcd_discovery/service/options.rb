# frozen_string_literal: true

module EtcdDiscovery
  class Service
    # The checked options of a {Service}.
    #
    # @api private
    class Options
      attr_reader :format, :keep_last, :eject_after, :eject_for, :fail_on

      def initialize(format: :detect, keep_last: 0, eject_after: 5, eject_for: 5, fail_on: [StandardError])
        @format = Formats[format]
        @keep_last = check(:keep_last, keep_last, "a number of seconds from 0") { |given| seconds?(given) }
        @eject_after = check(:eject_after, eject_after, "a whole number from 1") do |given|
          given.is_a?(Integer) && given.positive?
        end
        @eject_for = check(:eject_for, eject_for, "a number of seconds from 0") { |given| seconds?(given) }
        @fail_on = check(:fail_on, Array(fail_on), "a list of exception classes") do |given|
          given.all? { |one| one.is_a?(Module) }
        end
      end

      private

      def seconds?(given)
        given.is_a?(Numeric) && given.between?(0, Setting::LONGEST)
      end

      def check(name, given, accepted)
        return given if yield given

        raise ConfigurationError, "#{name}: #{given.inspect} is not #{accepted}"
      end
    end
  end
end
