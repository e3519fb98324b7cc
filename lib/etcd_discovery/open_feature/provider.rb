# frozen_string_literal: true

require "open_feature/sdk"
require_relative "resolution"

unless defined?(OpenFeature::SDK::Provider::EventEmitter)
  raise LoadError, "etcd_discovery/open_feature needs openfeature-sdk 0.5 or later: update it in the Gemfile"
end

module EtcdDiscovery
  module OpenFeature
    # A provider for the gem openfeature-sdk (0.5 and later): each flag is one key, and reads come from the
    # local copy.
    #
    # A flag's value is text, as for the typed reads of a client: `true`, `25`, `0.5`, JSON. Everyone gets the
    # same value. For users, groups and percentages take Flipper ({EtcdDiscovery::Flipper}).
    #
    # The reason is `STATIC`, or `STALE` while etcd has not confirmed the data for longer than
    # `max_staleness`.
    # A bad value changes nothing while this process knows an earlier good one, as with {Client#json}.
    #
    # @example config/initializers/open_feature.rb
    #   require "etcd_discovery/open_feature"
    #
    #   OpenFeature::SDK.configure do |config|
    #     config.set_provider_and_wait(EtcdDiscovery::OpenFeature::Provider.new(prefix: "/shop/flags/"))
    #   end
    class Provider
      include ::OpenFeature::SDK::Provider::EventEmitter
      include ProcessBound

      # The provider's name in {#metadata}.
      NAME = "etcd_discovery"

      # @return [::OpenFeature::SDK::Provider::ProviderMetadata]
      attr_reader :metadata
      # @return [String] what the keys of the flags begin with
      attr_reader :prefix

      # @param prefix [String] ends in a slash; it must be watched
      # @param client [Client, Module] the default client when not given
      # @raise [ConfigurationError] for a prefix that does not end in a slash
      def initialize(prefix: "/flags/", client: EtcdDiscovery)
        @prefix = Configuration.prefix(prefix)
        @client = client
        @metadata = ::OpenFeature::SDK::Provider::ProviderMetadata.new(name: NAME).freeze
        @subscriptions = []
        @stale = false
      end

      # The SDK calls it. Starts the client, waits for its first snapshot, and follows its events.
      #
      # @param _context [Object, nil] the SDK's evaluation context
      # @return [void]
      # @raise [UnwatchedKeyError] when the prefix is not watched
      # @raise [ConnectionError, AuthenticationError, PermissionError] when there is no first snapshot within
      #   `boot_timeout`; the client goes on trying, and `PROVIDER_READY` follows when it has one
      def init(_context = nil)
        core.native_ensure_range_watched(prefix)
        follow if @subscriptions.empty?
        @client.start
        nil
      end

      # The SDK calls it. Ends the subscriptions; the client goes on, since the application may use it too.
      #
      # @return [void]
      def shutdown
        @subscriptions.each(&:cancel)
        @subscriptions = []
        nil
      end

      # @param flag_key [String] the key without the prefix
      # @param default_value [Boolean]
      # @param evaluation_context [Object, nil] not used
      # @return [::OpenFeature::SDK::Provider::ResolutionDetails]
      def fetch_boolean_value(flag_key:, default_value:, evaluation_context: nil) # rubocop:disable Lint/UnusedMethodArgument
        resolve(:boolean, flag_key, default_value)
      end

      # @param flag_key [String] the key without the prefix
      # @param default_value [String]
      # @param evaluation_context [Object, nil] not used
      # @return [::OpenFeature::SDK::Provider::ResolutionDetails]
      def fetch_string_value(flag_key:, default_value:, evaluation_context: nil) # rubocop:disable Lint/UnusedMethodArgument
        resolve(:string, flag_key, default_value)
      end

      # @param flag_key [String] the key without the prefix
      # @param default_value [Numeric]
      # @param evaluation_context [Object, nil] not used
      # @return [::OpenFeature::SDK::Provider::ResolutionDetails]
      def fetch_number_value(flag_key:, default_value:, evaluation_context: nil) # rubocop:disable Lint/UnusedMethodArgument
        resolve(:number, flag_key, default_value)
      end

      # @param flag_key [String] the key without the prefix
      # @param default_value [Integer]
      # @param evaluation_context [Object, nil] not used
      # @return [::OpenFeature::SDK::Provider::ResolutionDetails]
      def fetch_integer_value(flag_key:, default_value:, evaluation_context: nil) # rubocop:disable Lint/UnusedMethodArgument
        resolve(:integer, flag_key, default_value)
      end

      # @param flag_key [String] the key without the prefix
      # @param default_value [Float]
      # @param evaluation_context [Object, nil] not used
      # @return [::OpenFeature::SDK::Provider::ResolutionDetails]
      def fetch_float_value(flag_key:, default_value:, evaluation_context: nil) # rubocop:disable Lint/UnusedMethodArgument
        resolve(:float, flag_key, default_value)
      end

      # @param flag_key [String] the key without the prefix
      # @param default_value [Hash, Array]
      # @param evaluation_context [Object, nil] not used
      # @return [::OpenFeature::SDK::Provider::ResolutionDetails]
      def fetch_object_value(flag_key:, default_value:, evaluation_context: nil) # rubocop:disable Lint/UnusedMethodArgument
        resolve(:object, flag_key, default_value)
      end

      # @return [String]
      def inspect = "#<#{self.class} prefix=#{prefix.inspect}>"

      private

      def to_json_safe = { name: NAME, prefix: }

      def resolve(type, flag_key, default_value)
        Resolution.new(@client, prefix + flag_key.to_s, type, default_value).details(stale: @stale)
      end

      def core = DefaultClient.behind(@client)

      def follow
        @subscriptions = [
          @client.subscribe(:stale) { became(stale: true) },
          @client.subscribe(:fresh, :connect, :reconnect) { became(stale: false) },
          @client.subscribe(:denied) { |event| failed(event[:error]) }
        ]
        @subscriptions << @client.on_change(prefix) { |change| changed(change.key) }
      end

      def became(stale:)
        @stale = stale
        emit_event(stale ? event(:PROVIDER_STALE) : event(:PROVIDER_READY))
      end

      def failed(error)
        code = ::OpenFeature::SDK::Provider::ErrorCode::GENERAL
        emit_event(event(:PROVIDER_ERROR), { error_code: code, message: error&.message }.compact)
      end

      def changed(key)
        flag = key.byteslice(prefix.bytesize..)
        emit_event(event(:PROVIDER_CONFIGURATION_CHANGED), { flags_changed: [flag] })
      end

      def event(name) = ::OpenFeature::SDK::ProviderEvent.const_get(name)
    end
  end
end
