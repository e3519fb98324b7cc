# frozen_string_literal: true

module EtcdDiscovery
  module OpenFeature
    # One read of a flag, and its result for the SDK. It never raises: a flag must not take a request down.
    #
    # @api private
    class Resolution
      # What a typed read gives where there is no good value.
      NOTHING = Object.new.freeze
      READS = { boolean: :boolean, integer: :integer, float: :float, number: :json, object: :json }.freeze
      # What a value of JSON must be.
      CLASSES = { number: [Integer, Float], object: [Hash, Array] }.freeze
      private_constant :NOTHING, :READS, :CLASSES

      def initialize(client, key, type, default)
        @client = client
        @key = key
        @type = type
        @default = default
      end

      # @param stale [Boolean] whether etcd has not confirmed the data lately
      # @return [::OpenFeature::SDK::Provider::ResolutionDetails]
      def details(stale:)
        # A first read would wait; a flag answers at once.
        return failed(:PROVIDER_NOT_READY, "there is no first snapshot yet") unless @client.ready?

        value = read
        return missing if value.equal?(NOTHING)
        return mismatch unless fits?(value)

        made(value:, reason: stale ? reason(:STALE) : reason(:STATIC))
      rescue Error => e
        failed(:GENERAL, e.message)
      end

      private

      def read
        return @client.fetch(@key, NOTHING) if @type == :string

        @client.public_send(READS.fetch(@type), @key, NOTHING)
      end

      def fits?(value) = CLASSES[@type].nil? || CLASSES[@type].any? { |one| value.is_a?(one) }

      def missing
        return failed(:FLAG_NOT_FOUND, "there is no key #{@key.inspect}") unless @client.key?(@key)
        return failed(:PARSE_ERROR, "the value of #{@key.inspect} is not JSON") if READS[@type] == :json

        mismatch
      end

      def mismatch = failed(:TYPE_MISMATCH, "the value of #{@key.inspect} is not of type #{@type}")

      def failed(code, message)
        code = ::OpenFeature::SDK::Provider::ErrorCode.const_get(code)
        made(value: @default, reason: reason(:ERROR), error_code: code, error_message: message)
      end

      def reason(name) = ::OpenFeature::SDK::Provider::Reason.const_get(name)

      def made(**fields) = ::OpenFeature::SDK::Provider::ResolutionDetails.new(**fields)
    end
  end
end
