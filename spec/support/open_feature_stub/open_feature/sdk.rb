# frozen_string_literal: true

# Stands for the gem openfeature-sdk, which Debian does not have. Made from its documentation and from the
# OpenFeature specification: the names, the fields and the calls that a provider meets, as in version 0.5.
module OpenFeature
  module SDK
    # The events that a provider emits (specification, section 5).
    module ProviderEvent
      PROVIDER_READY = "PROVIDER_READY"
      PROVIDER_ERROR = "PROVIDER_ERROR"
      PROVIDER_CONFIGURATION_CHANGED = "PROVIDER_CONFIGURATION_CHANGED"
      PROVIDER_STALE = "PROVIDER_STALE"
    end

    # What an application sees of a provider's life (section 1.7).
    module ProviderState
      NOT_READY = "NOT_READY"
      READY = "READY"
      STALE = "STALE"
      ERROR = "ERROR"
      FATAL = "FATAL"
    end

    # What a provider is made of (section 2).
    module Provider
      module ErrorCode
        PROVIDER_NOT_READY = "PROVIDER_NOT_READY"
        FLAG_NOT_FOUND = "FLAG_NOT_FOUND"
        PARSE_ERROR = "PARSE_ERROR"
        TYPE_MISMATCH = "TYPE_MISMATCH"
        PROVIDER_FATAL = "PROVIDER_FATAL"
        GENERAL = "GENERAL"
      end

      module Reason
        STATIC = "STATIC"
        STALE = "STALE"
        ERROR = "ERROR"
      end

      ProviderMetadata = Struct.new(:name, keyword_init: true)
      ResolutionDetails = Struct.new(:value, :reason, :variant, :error_code, :error_message, :flag_metadata,
                                     keyword_init: true)

      # A provider that includes this emits events; the SDK attaches its configuration.
      module EventEmitter
        def emit_event(event, details = {})
          @configuration&.send(:dispatch_provider_event, self, event, details)
        end

        private

        def attach(configuration) = @configuration = configuration

        def detach = @configuration = nil
      end
    end

    # The global API: one provider, its state, and the handlers of events.
    class Configuration
      STATES = { ProviderEvent::PROVIDER_READY => ProviderState::READY,
                 ProviderEvent::PROVIDER_STALE => ProviderState::STALE }.freeze

      attr_reader :provider, :state, :events

      def initialize
        @events = Queue.new
      end

      # Calls `init`, and tells by an event how it went.
      def set_provider_and_wait(provider) # rubocop:disable Naming/AccessorMethodName -- the SDK's name
        @provider&.shutdown
        @provider = provider
        @state = ProviderState::NOT_READY
        provider.send(:attach, self)
        provider.init(nil)
        dispatch_provider_event(provider, ProviderEvent::PROVIDER_READY)
      rescue StandardError => e
        code = Provider::ErrorCode::PROVIDER_FATAL
        dispatch_provider_event(provider, ProviderEvent::PROVIDER_ERROR, error_code: code, message: e.message)
        raise
      end

      private

      def dispatch_provider_event(_provider, event, details = {})
        @state = STATES[event] || failed(event, details) || @state
        @events << [event, details]
      end

      def failed(event, details)
        return unless event == ProviderEvent::PROVIDER_ERROR

        fatal = details[:error_code] == Provider::ErrorCode::PROVIDER_FATAL
        fatal ? ProviderState::FATAL : ProviderState::ERROR
      end
    end

    # What an application reads flags with.
    class Client
      TYPES = { boolean: [TrueClass, FalseClass], string: [String], number: [Numeric], integer: [Integer],
                float: [Float], object: [Array, Hash] }.freeze

      def initialize(configuration)
        @configuration = configuration
      end

      TYPES.each_key do |type|
        define_method("fetch_#{type}_details") do |flag_key:, default_value:|
          details = @configuration.provider.public_send("fetch_#{type}_value", flag_key:, default_value:,
                                                                               evaluation_context: nil)
          refuse(details, default_value) unless TYPES[type].any? { |one| details.value.is_a?(one) }
          details
        end

        define_method("fetch_#{type}_value") do |**arguments|
          public_send("fetch_#{type}_details", **arguments).value
        end
      end

      private

      def refuse(details, default_value)
        details.value = default_value
        details.error_code = Provider::ErrorCode::TYPE_MISMATCH
        details.reason = Provider::Reason::ERROR
      end
    end

    class << self
      def configuration = @configuration ||= Configuration.new

      def configure = yield(configuration)

      def build_client = Client.new(configuration)
    end
  end
end
