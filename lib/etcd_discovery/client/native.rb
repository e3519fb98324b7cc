# frozen_string_literal: true

# The native part calls IO#wait_readable under a fiber scheduler. It is not in the core before Ruby 3.2.
require "io/wait"

module EtcdDiscovery
  # What the native library gives the other classes of the gem. Applications have better names for all of it.
  #
  # @!group Native
  # @!method native_start
  #   Starts to follow etcd. Returns at once, and does nothing if the client has started.
  #   @api private
  #   @return [void]
  # @!method native_snapshot
  #   The latest snapshot, also within {#pin}.
  #   @api private
  #   @return [Snapshot]
  # @!method native_collect_due(index, type, due)
  #   Appends the changes since the last call, by the numbers of the subscriptions, then by revision.
  #   @api private
  #   @param index [SubscriptionIndex]
  #   @param type [Class] {Change}
  #   @param due [Array<Array(Subscription, Change)>]
  #   @return [void]
  # @!method native_generation
  #   The number of snapshots published so far.
  #   @api private
  #   @return [Integer]
  # @!method native_wait_generation(seen, timeout)
  #   Waits without the GVL until a later snapshot than number `seen` is published.
  #   @api private
  #   @param timeout [Numeric] seconds
  #   @return [Boolean] whether one was published in time
  # @!method native_status
  #   @api private
  #   @return [Hash{Symbol => Object}] what {Status} adds to
  # @!method native_ensure_key_watched(key)
  #   @api private
  #   @return [void]
  #   @raise [UnwatchedKeyError] outside every watched range
  # @!method native_ensure_range_watched(target)
  #   @api private
  #   @param target [String] a key or a prefix
  #   @return [void]
  #   @raise [UnwatchedKeyError] unless all of it is watched
  # @!method native_observe(waker)
  #   Registers the waker, which is woken at each event of the process from now on.
  #   @api private
  #   @return [void]
  # @!method native_drain(cursor)
  #   Takes the events since a cursor. The cursor `nil` is the present.
  #   @api private
  #   @return [Array(Integer, Integer, Array), nil] the next cursor, how many events were dropped, and name,
  #     time, payload and origin of each of the others; `nil` if there are none
  # @!method native_notify_invalid(key, revision, problem)
  #   Reports a value that has the right type and breaks a declared rule.
  #   @api private
  #   @return [void]
  # @!method native_read(doing, ranges, revision)
  #   Reads etcd itself at one revision, `nil` for the latest. `doing` is for the text of an error.
  #   @api private
  #   @param ranges [Array(Array)] target, whether it is a prefix, a limit or `nil`, whether to leave
  #     out values
  #   @return [Array(Integer, Array)] the revision, and for each range its number of keys, and key, value,
  #     revision and lease of each
  # @!method native_history(key, limit)
  #   @api private
  #   @return [Array(Array(Integer, String))] the last changes, oldest first: revision and value, `nil`
  #     where the key was deleted
  # @!method native_commit(doing, key, compares, operations)
  #   Sends a transaction, without the change log. `doing` and `key` (or `nil`) are for the text of an error.
  #   @api private
  #   @param compares [Array<Array>] key and what is expected of it
  #   @param operations [Array<Array>] key and value (`nil` deletes it), and the lease to put it under, if
  #     any; or first key, `nil` and end of a range to delete
  #   @return [Integer, Array(Integer, Integer)] the revision; or the place of the comparison that failed, and
  #     the revision of its key
  # @!method native_grant(doing, ttl)
  #   Grants a lease, which nothing renews.
  #   @api private
  #   @param ttl [Integer] seconds
  #   @return [Integer] its id
  # @!method native_renew(doing, lease)
  #   Renews a lease once.
  #   @api private
  #   @return [void]
  # @!method native_revoke(doing, lease)
  #   Ends a lease, and deletes all keys under it. One that has ended is no error.
  #   @api private
  #   @return [void]
  # @!method native_register(key_value_address, under_lease, ttl, liveness)
  #   Keeps a key under a lease that is kept alive.
  #   @api private
  #   @return [Registration] before its `setup`
  # @!method native_wait_revision(revision, timeout)
  #   Waits without the GVL until readers see a revision.
  #   @api private
  #   @param timeout [Numeric] seconds
  #   @return [Boolean] whether they do
  # @!method native_service_entries(name, generation)
  #   @api private
  #   @return [Array(Integer, Array), nil] the generation, and key and value of each key of the service; `nil`
  #     if none of them has changed since `generation`
  # @!method native_offline?
  #   @api private
  #   @return [Boolean] whether the client has memory instead of etcd
  # @!method native_write_all(pairs)
  #   Writes keys of a client without etcd at one revision. A value of `nil` deletes.
  #   @api private
  #   @return [Integer] the revision
  # @!method native_confirm
  #   Says that the source of a client without etcd has been read again and is unchanged.
  #   @api private
  #   @return [void]
  # @!method native_fail(problem)
  #   Says why the source of a client without etcd cannot be read.
  #   @api private
  #   @return [void]
  # @!method native_check_staleness
  #   Reports that a client without etcd has become stale, or is fresh again.
  #   @api private
  #   @return [void]
  # @!method native_mark
  #   @api private
  #   @return [Snapshot] all keys of a client without etcd, watched or not
  # @!method native_end_leases
  #   Deletes the keys of a client without etcd whose lease has ended.
  #   @api private
  #   @return [Boolean] whether there are leases that will end
  # @!method native_revoke_unused(doing, lease)
  #   Revokes a lease that has no keys any more.
  #   @api private
  #   @return [void]
  # @!method native_restore(mark, spared)
  #   Restores all keys to a mark, but for `spared`.
  #   @api private
  #   @return [Array<String>] the keys that differed
  # @!method native_patch(mark, other, keys)
  #   @api private
  #   @return [Snapshot] the mark, with `keys` as in `other`
  class Client
    # Everything else of the native library is private to this class.
    public :native_start,
           :native_snapshot,
           :native_collect_due,
           :native_generation,
           :native_wait_generation,
           :native_status,
           :native_ensure_key_watched,
           :native_ensure_range_watched,
           :native_observe,
           :native_drain,
           :native_notify_invalid,
           :native_read,
           :native_history,
           :native_commit,
           :native_grant,
           :native_renew,
           :native_revoke,
           :native_register,
           :native_wait_revision,
           :native_service_entries,
           :native_offline?,
           :native_write_all,
           :native_confirm,
           :native_fail,
           :native_check_staleness,
           :native_end_leases,
           :native_revoke_unused,
           :native_mark,
           :native_restore,
           :native_patch
  end
end
