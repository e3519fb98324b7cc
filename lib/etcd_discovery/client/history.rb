# frozen_string_literal: true

module EtcdDiscovery
  # What was, and the way back. Each call asks etcd, which keeps past revisions until it compacts them; the
  # keys need not be watched, only readable for the user.
  class Client
    # The changes of a key, deletions too, as far back as etcd has them; with `change_log` who made them, when
    # and why, and also changes that etcd has compacted.
    #
    # @example
    #   client.history("/config/limit").first.value  # => "50"
    # @param key [String]
    # @param limit [Integer] the newest changes alone
    # @return [Array<HistoryEntry>] the newest first
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def history(key, limit: 100)
      raise ArgumentError, "limit: expected a number above 0" unless limit.is_a?(Integer) && limit.positive?

      History::Record.new(self, key, limit).entries
    end

    # All watched keys as they were.
    #
    # @example
    #   client.at(4711)["/config/limit"]  # => "100"
    # @param revision [Integer]
    # @return [Snapshot] of the past; it has typed reads, `prefix` and so on like any other
    # @raise [CompactedError] when etcd has compacted the revision away
    # @raise [InvalidRequestError] for a revision in the future
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def at(revision)
      native_at(History.revision(revision))
    end

    # What differs between two revisions.
    #
    # @param target [String, nil] a key, or a prefix that ends in `/`; everything watched when not given
    # @param from [Integer] revision
    # @param to [Integer, nil] revision; the present one when not given
    # @return [Array<Difference>] in the order of keys
    # @raise [CompactedError] when etcd has compacted one of them away
    # @raise [ArgumentError] without a target for a client that watches nothing
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError, InvalidRequestError]
    def diff(target = nil, from:, to: nil)
      targets = target ? [target] : config.watch
      raise ArgumentError, "name a key or a prefix: this client watches nothing" if targets.empty?

      History::Content.read(self, targets, from).differences(History::Content.read(self, targets, to))
    end

    # Sets a key, or all keys under a prefix, back to what they were: one transaction, which writes only what
    # differs. Keys under a lease, such as registrations, stay as they are.
    #
    # @example
    #   client.rollback("/config/", to: 4711, by: "ann", note: "the sale is over")
    # @param target [String] a key, or a prefix that ends in `/`
    # @param to [Integer] revision
    # @param by [String, nil] who, for the change log
    # @param note [String, nil] why, for the change log
    # @return [Integer, nil] the revision of the change; `nil` when nothing differs, and nothing was written
    # @raise [CompactedError] when etcd has compacted the revision away
    # @raise [ConflictError] when one of the keys has changed while this went on: nothing was written
    # @raise [InvalidRequestError] for a revision in the future, and for more keys than fit into one
    #   transaction
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def rollback(target, to:, by: nil, note: nil)
      rollback = History::Rollback.new(self, target, to)
      return if rollback.differences.empty?

      write!("rollback", rollback.compares, rollback.operations, by:, note:)
    end
  end
end
