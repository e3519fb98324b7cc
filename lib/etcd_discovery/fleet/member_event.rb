# frozen_string_literal: true

module EtcdDiscovery
  class Fleet
    # An event of another process, as its answer to a roll call tells it: without values, and without texts of
    # the application.
    #
    # @api private
    class MemberEvent
      # The kinds of errors on which the level of an event and its advice depend.
      ERRORS = [PermissionError, AuthenticationError, ResourceExhaustedError, InvalidRequestError,
                CorruptError].to_h { |kind| [kind.name[/(\w+)Error\z/, 1], kind] }.freeze
      SYMBOLS = %i[state previous type].freeze
      LAST_SECOND = 253_402_300_799
      private_constant :ERRORS, :SYMBOLS, :LAST_SECOND

      # @return [Symbol] as {EventType#name}
      attr_reader :name
      # @return [Time] by the clock of that process
      attr_reader :time
      # @return [Hash{Symbol => Object}] as {EventType#payload}; what is not known is `nil`
      attr_reader :payload

      class << self
        # @param given [Object] time, name and payload, out of JSON that anyone may have written
        # @return [MemberEvent, nil]
        def parse(given)
          seconds, name, payload = given
          type = EventType::ALL.find { |one| one.name.to_s == name }
          return unless type && payload.is_a?(Hash) && Float(seconds).between?(0, LAST_SECOND)

          fields = type.payload.keys.to_h { |field| [field, value(field, payload[field.to_s])] }
          new(type.name, Time.at(seconds), fields)
        rescue ArgumentError, TypeError
          nil
        end

        private

        def value(field, given)
          return error(given) if field == :error

          case given
          when String then SYMBOLS.include?(field) ? given.to_sym : given
          when Numeric, true, false then given
          end
        end

        def error(given)
          return unless given.is_a?(Hash)

          ERRORS.fetch(given["kind"], Error).new(given["message"].to_s)
        end
      end

      def initialize(name, time, payload)
        @name = name
        @time = time
        @payload = payload.freeze
        freeze
      end
    end
  end
end
