# frozen_string_literal: true

module EtcdDiscovery
  # Names in layers: where a value comes from, and how to replace it for a while.
  class Client
    # Says where the value of a name comes from: what each layer has in local memory, and which one wins.
    #
    # @example
    #   client.explain("checkout/limit").layer  # => "/shop/production/"
    # @param name [String] without a slash in front
    # @return [Explanation]
    # @raise [ConfigurationError] without `layers`
    # @raise [ArgumentError] for what is no name
    # @raise [ConnectionError, AuthenticationError, PermissionError] when there is no first snapshot
    def explain(name)
      keys = Layers.keys(config, name)
      held = snapshot
      Explanation.new(name, keys.map do |layer, key|
        [layer, key, held[key], held.mod_revision(key), held.native_lease(key)]
      end)
    end

    # Gives a name another value for a while: in the first layer, under a lease. When the lease ends, etcd
    # deletes the key, and the value below is in force again, even if no process of the application is left.
    #
    # A name that is overridden already gets the new value for the new time; with `if_revision` only if its
    # key in the first layer is still as the caller has seen it.
    #
    # @example Ten minutes
    #   client.override("checkout/limit", "10", for: 600, by: "ann", note: "the database is slow")
    # @param name [String] without a slash in front
    # @param value [String, Object] of a declared setting ({Settings}) whatever its field takes
    # @param for [Numeric] seconds; etcd makes a very short time longer (2 s with its defaults)
    # @param if_revision [Integer, nil] write only if this is the revision of the last change of the name's
    #   key in the first layer ({Explanation::Part#revision}); 0: only if the name is not overridden
    # @param by [String, nil] who, for the change log
    # @param note [String, nil] why, for the change log
    # @return [Integer] the revision of the change
    # @raise [ConfigurationError] without `layers`
    # @raise [ArgumentError] for what is no name, no time, or no revision
    # @raise [InvalidValueError] for a value that breaks the declaration of a setting; nothing was sent
    # @raise [InvalidRequestError] when the first layer has a value without a lease, which the end of the
    #   override would take along
    # @raise [ConflictError] when the key has changed since `if_revision`, or others keep changing it; nothing
    #   was written
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def override(name, value, for: 600, if_revision: nil, by: nil, note: nil)
      shown = seen(if_revision)
      Layers::Override.new(self, name).write(value, binding.local_variable_get(:for), shown:, by:, note:)
    end

    # Ends an override before its time: deletes its key, and its lease unless other keys use it.
    #
    # @param name [String] without a slash in front
    # @param if_revision [Integer, nil] delete only if this is the revision of the last change of the name's
    #   key in the first layer
    # @param by [String, nil] who, for the change log
    # @param note [String, nil] why, for the change log
    # @return [Integer, nil] the revision of the change; `nil` if the name is not overridden
    # @raise [ConfigurationError] without `layers`
    # @raise [ArgumentError] for what is no name, or no revision
    # @raise [InvalidRequestError] when the first layer has a value without a lease: it is no override
    # @raise [ConflictError] when the key has changed since `if_revision`; nothing was deleted
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def release(name, if_revision: nil, by: nil, note: nil)
      Layers::Override.new(self, name).release(shown: seen(if_revision), by:, note:)
    end
  end
end
