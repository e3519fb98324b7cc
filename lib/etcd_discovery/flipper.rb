# frozen_string_literal: true

require "flipper"
require_relative "../etcd_discovery"
require_relative "flipper/gates"
require_relative "flipper/stored_feature"
require_relative "flipper/writer"

module EtcdDiscovery
  # An adapter for the gem flipper: its features and gates are in etcd, and reads come from the local copy.
  #
  # Each feature is one key under the prefix, and its value is JSON. A check makes no request, so Flipper's
  # memoizer is not needed. A write is one guarded transaction: if another process changes the feature at the
  # same time, the write is made again on top of that change, and nothing is lost.
  #
  # Works with Flipper 0.25 to 1.4, and with its UI, API and command line.
  #
  # @example config/initializers/flipper.rb
  #   require "etcd_discovery/flipper"
  #
  #   Flipper.configure do |config|
  #     config.adapter { EtcdDiscovery::Flipper.new(prefix: "/shop/flags/") }
  #   end
  class Flipper
    include ::Flipper::Adapter
    include ProcessBound

    # Features that a process remembers, so that names from outside cannot fill its memory.
    REMEMBERED = 10_000
    private_constant :REMEMBERED

    # @return [Symbol] `:etcd_discovery`, for Flipper's instrumentation
    attr_reader :name
    # @return [String] what the keys of the features begin with
    attr_reader :prefix

    # @param prefix [String] ends in a slash; it must be watched
    # @param client [Client, Module] reads and writes; the default client when not given
    # @param by [String, #call, nil] who, for the change log; the system's user and host when not given
    # @raise [ConfigurationError] for a prefix that does not end in a slash
    def initialize(prefix: "/flipper/", client: EtcdDiscovery, by: nil)
      @name = :etcd_discovery
      @prefix = Configuration.prefix(prefix)
      @client = client
      @writer = Writer.new(client, by)
      @stored = {}
    end

    # @return [Set<String>] the names of all features
    # @raise [UnwatchedKeyError] when the prefix is not watched
    # @raise [ConnectionError, AuthenticationError, PermissionError] when there is no first snapshot
    def features
      all.map(&:name).to_set
    end

    # Reads the gates of a feature. Costs a few lookups in local memory.
    #
    # A value that is not the JSON of a feature changes nothing: the last good one that this process read
    # stays in force, and it is reported as for {Client#json}. While there is no first snapshot, every gate is
    # closed.
    #
    # @param feature [::Flipper::Feature]
    # @return [Hash{Symbol => Object}] frozen, and the same object until the feature changes
    # @raise [UnwatchedKeyError] when the prefix is not watched
    def get(feature)
      stored(feature.key).gates(@client)
    end

    # @param features [Array<::Flipper::Feature>]
    # @return [Hash{String => Hash}] the gates by the names of the features
    # @raise [UnwatchedKeyError] when the prefix is not watched
    def get_multi(features)
      features.to_h { |feature| [feature.key, get(feature)] }
    end

    # @return [Hash{String => Hash}] the gates of all features; a copy that may be changed
    # @raise [UnwatchedKeyError] when the prefix is not watched
    # @raise [ConnectionError, AuthenticationError, PermissionError] when there is no first snapshot
    def get_all(**)
      all.to_h { |one| [one.name, Gates.copy(one.gates(@client))] }
    end

    # @return [Boolean] `true`
    # @raise [ConnectionError, AuthenticationError, PermissionError, ConflictError]
    def add(feature)
      change(feature, &:itself)
    end

    # @return [Boolean] `true`
    # @raise [ConnectionError, AuthenticationError, PermissionError]
    def remove(feature)
      @writer.delete(stored(feature.key).key)
      true
    end

    # @return [Boolean] `true`
    # @raise [ConnectionError, AuthenticationError, PermissionError, ConflictError]
    def clear(feature)
      change(feature, &:cleared)
    end

    # @return [Boolean] `true`
    # @raise [ConnectionError, AuthenticationError, PermissionError, ConflictError]
    def enable(feature, gate, thing)
      change(feature) { |gates| gates.enable(gate, thing.value) }
    end

    # @return [Boolean] `true`
    # @raise [ConnectionError, AuthenticationError, PermissionError, ConflictError]
    def disable(feature, gate, thing)
      change(feature) { |gates| gates.disable(gate, thing.value) }
    end

    # Makes the features here the same as those of another adapter, in one transaction. Features that the
    # other does not have are removed.
    #
    # @param source [::Flipper::Adapter, #adapter]
    # @return [Boolean] `true`
    # @raise [ConflictError] when others change features without a pause: nothing was written
    # @raise [InvalidRequestError] when that is more than etcd takes in one transaction (`--max-txn-ops`, 128)
    # @raise [ConnectionError, AuthenticationError, PermissionError]
    def import(source)
      source = source.adapter unless source.is_a?(::Flipper::Adapter)
      wanted = source.get_all.to_h { |name, gates| document(name, gates) }
      @writer.replace(prefix, wanted)
      true
    end

    # @return [Boolean] `false`
    def read_only? = false

    # @return [String]
    def inspect = "#<#{self.class} prefix=#{prefix.inspect}>"

    private

    def to_json_safe = { name:, prefix: }

    # Two threads may make the same entry: then one of the two is used, which is no harm.
    def stored(name)
      @stored[name] || begin
        @stored = {} if @stored.size >= REMEMBERED
        @stored[name] = StoredFeature.new(prefix, name.dup.freeze)
      end
    end

    def all
      @client.snapshot.prefix(prefix).map do |key, value|
        stored(Gates.feature_name(value) || after_prefix(key))
      end
    end

    def after_prefix(key)
      name = key.byteslice(prefix.bytesize..)
      name.dup.force_encoding(Encoding::UTF_8).then { |text| text.valid_encoding? ? text : name.b }
    end

    def change(feature)
      one = stored(feature.key)
      @writer.change(one.key) do |text|
        gates = text ? Gates.parse(text) : Gates.new({})
        yield(gates).named(one.name).to_json
      end
      true
    end

    def document(name, gates)
      one = stored(name)
      [one.key, Gates.of(gates).named(one.name).to_json]
    end
  end
end
