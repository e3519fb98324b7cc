# frozen_string_literal: true

module EtcdDiscovery
  # Writes to etcd. Each write is one transaction with one revision.
  class Client
    # Writes a key. {#[]} returns the new value once it has come back through the watch.
    #
    # @param key [String]
    # @param value [String]
    # @param if_revision [Integer, nil] write only if this is the revision of the key's last change
    #   ({Snapshot#mod_revision}); 0: only if the key does not exist
    # @param by [String, nil] author, for the change log; the system's user and host when not given
    # @param note [String, nil] reason, for the change log
    # @return [Integer, nil] the revision of the change; `nil` when the key has changed since `if_revision`
    # @raise [ArgumentError] for an `if_revision` that is no revision
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    # @raise [InvalidRequestError, ResourceExhaustedError, CorruptError] when etcd refuses the write
    def put(key, value, if_revision: nil, by: nil, note: nil)
      raise TypeError, "expected a String, got #{value.class}" unless value.is_a?(String)

      write_key("put", key, value, seen(if_revision), by:, note:)
    end

    # @param key [String]
    # @param if_revision [Integer, nil] delete only if this is the revision of the key's last change
    # @param by [String, nil] author, for the change log; the system's user and host when not given
    # @param note [String, nil] reason, for the change log
    # @return [Integer, nil] the revision of the change; `nil` when the key has changed since `if_revision`
    # @raise [ArgumentError] for an `if_revision` that is no revision
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    # @raise [InvalidRequestError, ResourceExhaustedError, CorruptError] when etcd refuses the write
    def delete(key, if_revision: nil, by: nil, note: nil)
      write_key("delete", key, nil, seen(if_revision), by:, note:)
    end

    # Writes a value if the key has the expected one.
    #
    # @example
    #   client.compare_and_set("/lock", nil, "me") or raise "someone else has it"
    # @param key [String]
    # @param expected [String, nil] `nil`: the key must not exist
    # @param value [String]
    # @param by [String, nil] author, for the change log; the system's user and host when not given
    # @param note [String, nil] reason, for the change log
    # @return [Integer, nil] the revision of the change; `nil` when the key has another value
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    # @raise [InvalidRequestError, ResourceExhaustedError, CorruptError] when etcd refuses the write
    def compare_and_set(key, expected, value, by: nil, note: nil)
      raise TypeError, "expected a String, got #{value.class}" unless value.is_a?(String)

      write_key("compare_and_set", key, value, expected || 0, by:, note:)
    end

    # Writes several keys at one revision, or none of them.
    #
    # The block only collects. Everything is sent when it returns; if it raises, nothing is sent.
    #
    # @example Write both keys if the first has not changed since it was read
    #   revision = client.snapshot.mod_revision("/db/host")
    #   client.transaction(by: "ann", note: "new database") do |t|
    #     t.compare "/db/host", revision: revision
    #     t.put "/db/host", "10.1.1.60"
    #     t.delete "/db/socket"
    #   end
    # @param by [String, nil] author, for the change log
    # @param note [String, nil] reason, for the change log
    # @yieldparam transaction [Transaction]
    # @return [Integer, nil] the revision of the change; `nil` when the block added nothing, and nothing was
    #   sent
    # @raise [ConflictError] when a comparison failed: it names the key, and nothing was written
    # @raise [InvalidRequestError] for two writes of one key, and for more operations than etcd's
    #   `--max-txn-ops` (128 by default; the change log uses two of them)
    # @raise [TimeoutError] when etcd did not answer in time: either everything or nothing was written, and it
    #   is unknown which
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    # @raise [ResourceExhaustedError, CorruptError] when etcd refuses the write
    def transaction(by: nil, note: nil)
      raise ArgumentError, "transaction needs a block" unless block_given?

      transaction = Transaction.new
      yield transaction
      transaction.seal
      return if transaction.empty?

      write!("transaction", transaction.compares, transaction.operations, by:,
                                                                          note:)
    end

    # @api private
    # @return [Integer]
    # @raise [ConflictError]
    def write!(action, compares, operations, **why)
      written = write(action, compares, operations, **why)
      written.is_a?(Integer) ? written : raise(written.error)
    end

    # @api private
    # Ends the leases that this client grants, if it has no etcd to do it.
    def follow_leases
      Source::Follower.add(@leases ||= Source::Leases.new(self)) if native_offline?
    end

    private

    def seen(if_revision) = if_revision && History.compared(if_revision, "if_revision")

    # @return [Integer, nil]
    def write_key(action, key, value, expected, **why)
      compares = expected ? [[key, expected]] : []
      written = write(action, compares, [[key, value]], **why)
      written if written.is_a?(Integer)
    end

    # Every write of the gem goes through this method.
    #
    # @return [Integer, Transaction::Conflict]
    def write(action, compares, operations, by: nil, note: nil)
      keys = (operations + compares).map(&:first).uniq
      Layers.refuse_names(config, keys)
      about = [words(action, keys), (keys.first if keys.size == 1)]
      log = ChangeLog.of(self) if operations.any?
      written = if log
                  log.write(compares, operations, action:, by:, note:) do |*sent|
                    native_commit(*about, *sent)
                  end
                else
                  native_commit(*about, compares, operations)
                end
      written.is_a?(Integer) ? written : Transaction::Conflict.new(compares[written[0]], written[1])
    end

    def words(action, keys)
      keys.size == 1 ? action : "#{action} of #{keys.size} keys, the first is #{keys.first.inspect}"
    end
  end
end
