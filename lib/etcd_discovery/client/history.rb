# frozen_string_literal: true

module EtcdDiscovery
  # Past revisions, and the way back to them. Each call asks etcd, which keeps past revisions until it
  # compacts them. The keys need not be watched; the user must be allowed to read them.
  class Client
    # The changes of a key, including deletions, as far back as etcd has them.
    #
    # With `change_log` they include who made them, when and why, and also changes that etcd has compacted.
    #
    # @example
    #   client.history("/config/limit").first.value  # => "50"
    # @param key [String]
    # @param limit [Integer] how many of the newest changes to return
    # @return [Array<HistoryEntry>] the newest first
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def history(key, limit: 100)
      unless limit.is_a?(Integer) && limit.between?(1, History::LAST)
        raise ArgumentError, "limit: expected a number above 0 and below 2**63, got #{limit.inspect}"
      end

      Layers.refuse_names(config, [key])
      History::Record.new(self, key, limit).entries
    end

    # All watched keys at a past revision.
    #
    # @example
    #   client.at(4711)["/config/limit"]  # => "100"
    # @param revision [Integer]
    # @return [Snapshot] with typed reads, `prefix` and so on, like any other
    # @raise [CompactedError] when etcd has compacted the revision
    # @raise [InvalidRequestError] for a revision in the future
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def at(revision)
      native_at(History.revision(revision))
    end

    # The differences between two revisions, without the change log and the fleet below a prefix.
    #
    # @param target [String, nil] a key, or a prefix that ends in `/`; everything watched when not given
    # @param from [Integer] revision
    # @param to [Integer, nil] revision; the current one when not given
    # @return [Array<Difference>] in key order
    # @raise [CompactedError] when etcd has compacted one of them
    # @raise [ArgumentError] without a target for a client that watches nothing
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError, InvalidRequestError]
    def diff(target = nil, from:, to: nil)
      Layers.refuse_names(config, [target])
      targets = target ? [target] : config.watch
      raise ArgumentError, "name a key or a prefix: this client watches nothing" if targets.empty?

      own = History.own_prefixes(config, targets)
      before, after = [from, to].map { |at| History::Content.read(self, targets, at).without(own) }
      before.differences(after)
    end

    # Sets a key, or all keys under a prefix, back to their state at a revision.
    #
    # One transaction writes only what differs. Keys under a lease, such as registrations, stay as they are,
    # and so do the change log and the fleet below the prefix.
    #
    # @example
    #   client.rollback("/config/", to: 4711, by: "ann", note: "the sale is over")
    # @param target [String] a key, or a prefix that ends in `/`
    # @param to [Integer] revision
    # @param by [String, nil] author, for the change log
    # @param note [String, nil] reason, for the change log
    # @return [Integer, nil] the revision of the change; `nil` when nothing differs, and nothing was written
    # @raise [CompactedError] when etcd has compacted the revision
    # @raise [ConflictError] when one of the keys changed meanwhile: nothing was written
    # @raise [InvalidRequestError] for a revision in the future, and for more keys than fit into one
    #   transaction
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def rollback(target, to:, by: nil, note: nil)
      Layers.refuse_names(config, [target])
      rollback = History::Rollback.new(self, target, to)
      return if rollback.differences.empty?

      write!("rollback", rollback.compares, rollback.operations, by:, note:)
    end
  end
end
