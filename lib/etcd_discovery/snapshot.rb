# frozen_string_literal: true

module EtcdDiscovery
  # The watched keys at one revision of etcd. A snapshot never changes.
  #
  # @example
  #   snapshot = EtcdDiscovery.snapshot
  #   snapshot["/service/b"]                 # => "10.1.1.60:8081"
  #   snapshot.prefix("/service/").to_h      # => {"/service/b"=>"10.1.1.60:8081"}
  #
  # @!method [](key)
  #   @param key [String]
  #   @return [String, nil] the value, frozen; the same object at each call
  #   @raise [UnwatchedKeyError] outside every watched range
  # @!method json(key, default = nil)
  #   @return [Object, nil]
  #   @see Client#json
  # @!method integer(key, default = nil)
  #   @return [Integer, Object, nil]
  #   @see Client#integer
  # @!method float(key, default = nil)
  #   @return [Float, Object, nil]
  #   @see Client#float
  # @!method boolean(key, default = nil)
  #   @return [Boolean, Object, nil]
  #   @see Client#boolean
  # @!method list(key, default = nil)
  #   @return [Array<String>, Object, nil]
  #   @see Client#list
  # @!method duration(key, default = nil)
  #   @return [Float, Object, nil] seconds
  #   @see Client#duration
  # @!method native_changes_since(older, target)
  #   @api private
  #   @param older [Snapshot, nil] `nil` for an empty one
  #   @return [Array(Array)] key, value, previous value, revision and layer of each change of a key, a name or
  #     a prefix
  # @!method native_lease(key)
  #   @api private
  #   @return [Integer, nil] the lease that the key is under, 0 for none; `nil` when there is no such key
  # @!method layered
  #   The effective values of all names in the layers (`layers`): `each`, `keys`, `prefix`, `to_h` and the
  #   rest have names in place of keys. Without layers every key is a name.
  #   @example
  #     EtcdDiscovery.snapshot.layered.prefix("checkout/").to_h  # => {"checkout/limit"=>"50"}
  #   @return [Snapshot]
  #   @raise [ArgumentError] of a part of a snapshot ({#prefix}), which may lack layers
  # @!method key?(key)
  #   @param key [String]
  #   @return [Boolean]
  #   @raise [UnwatchedKeyError] outside every watched range
  # @!method revision
  #   @return [Integer] the revision of etcd that it is a copy of
  # @!method mod_revision(key)
  #   @param key [String]
  #   @return [Integer, nil] the revision of the key's last change
  # @!method size
  #   @return [Integer] number of keys
  # @!method keys
  #   @return [Array<String>] in byte order
  # @!method to_a
  #   @return [Array<Array(String, String)>] keys and values, in byte order of the keys
  # @!method prefix(prefix)
  #   @param prefix [String]
  #   @return [Snapshot] the keys under the prefix
  #   @raise [UnwatchedKeyError] if not all of it is watched
  class Snapshot
    include Enumerable
    include ProcessBound

    # @param key [String]
    # @param default [Object] returned for a key that does not exist
    # @yieldparam key [String] called for a key that does not exist
    # @return [String, Object]
    # @raise [KeyError] when the key does not exist, without default and block
    # @raise [UnwatchedKeyError] outside every watched range
    def fetch(key, default = Absent)
      value = self[key]
      return value unless value.nil?

      Absent.value(self, key, default) { |absent| return yield(absent) if block_given? }
    end

    # @yieldparam key [String]
    # @yieldparam value [String]
    # @return [self, Enumerator]
    def each(&block)
      return enum_for(:each) { size } unless block

      to_a.each(&block)
      self
    end

    # @return [Hash{String => String}]
    def to_h(&block)
      block ? to_a.to_h(&block) : to_a.to_h
    end

    # @return [String]
    def inspect
      "#<#{self.class} revision=#{revision} size=#{size}>"
    end

    public :native_changes_since, :native_lease

    private

    # Leaves out the values: there may be thousands. `to_h` has them.
    def to_json_safe = { revision:, size: }
  end
end
