# frozen_string_literal: true

module EtcdDiscovery
  # The list of event types.
  class EventType
    copy = { revision: "revision of the local copy", keys: "number of keys held" }.freeze
    error = { error: "the last {Error}, or `nil`" }.freeze
    peer = { endpoint: "the connected member", server_version: "its version of etcd, or `nil`" }.freeze
    refusals = [PermissionError, AuthenticationError, ResourceExhaustedError, InvalidRequestError,
                CorruptError]
    announced = lambda do |payload|
      next :info unless %i[registering lost].include?(payload[:state])

      refusals.any? { |refusal| payload[:error].is_a?(refusal) } ? :error : :warn
    end

    happened = ->(payload) { %i[restored released].include?(payload[:type]) ? :info : :warn }

    hosted = ->(payload) { payload[:role] == :orphan ? :warn : :info }

    # Every event. To add one: an entry here, a variant of `Notice` in src/notice.rs with its payload in
    # src/notice/payload.rs, and for its log line a method of the same name in {Events::Messages}.
    ALL = [
      new(
        :connect, :contact, :info,
        "connected to etcd for the first time in this process",
        **peer, **copy, after: "seconds that it took if an attempt failed before, else 0",
                        inherited: "whether this is a forked child that started with its parent's copy"
      ),
      new(
        :disconnect, :contact, :warn,
        "the connection is lost, or the first attempt failed; once until the next connection",
        endpoint: "the member connected last, or `nil`", **copy, **error,
        next_attempt: "maximum seconds until the next attempt"
      ),
      new(
        :denied, :contact, :error,
        "etcd refuses the user, the password or a range; once until the next connection",
        **copy, **error
      ),
      new(
        :reconnect, :contact, :info,
        "connected again",
        **peer, **copy, count: "connections made since the last event of this kind, or `connect`",
                        after: "seconds without contact"
      ),
      new(
        :relist, :history, :warn,
        "all keys were read again, because etcd no longer had all changes since the last revision",
        count: "1", **copy
      ),
      new(
        :reset, :history, :warn,
        "etcd's history is a different one: the cluster was replaced or restored, or lost its data",
        count: "1", **copy
      ),
      new(
        :divergence, :history, :error,
        "an audit found that the local copy differs from etcd; all keys are read again",
        count: "1", **copy, **error
      ),
      new(
        :stale, :freshness, :error,
        "etcd has not confirmed the data for longer than `max_staleness`, or since the start",
        age: "seconds since the last confirmation, or the start", max_staleness: "seconds",
        state: "as {Status#state}", **copy, **error
      ),
      new(
        :fresh, :freshness, :info,
        "etcd has confirmed the data again",
        age: "seconds since the confirmation", after: "seconds that the data was stale", **copy
      ),
      new(
        :registration, :registration, announced,
        "a registration of this process changed its state, or etcd refuses it; once for each kind of " \
        "reason until it is registered",
        key: "its key in etcd, or `nil`", address: "the announced address", state: "as {Registration#state}",
        previous: "the state before", lease: "id of the lease, or `nil`",
        error: "why it is not registered, an {Error}, or `nil`"
      ),
      new(
        :invalid_value, :value, :warn,
        "a typed read found a value of the wrong type; once for each change of the key",
        key: "the key", revision: "of the value", problem: "what is wrong with it"
      ),
      new(
        :host_role, :host, hosted,
        "with `host_copy`: this process does something else for its host than before",
        role: "as {Status#role}", previous: "the role before, or `nil`",
        leader_pid: "the process that follows etcd for this one", **copy
      ),
      new(
        :cache_error, :cache, :warn,
        "the disk copy (`cache_path`) cannot be read or written, or `host_copy` cannot be used; once for " \
        "each reason",
        error: "the {CacheError}"
      ),
      new(
        :service, :service, happened,
        "something happened to the instances of a {Service}; {Service#on_event} receives the same",
        service: "its name", type: "as {Service::Event} has it", message: "what happened, in a sentence"
      ),
      new(
        :change, :change, :info,
        "a watched key changed; one event per key, in the order of revisions; not logged",
        key: "the key", type: "`:put` or `:delete`", revision: "of the change",
        change: "the {Change}, which holds the values"
      )
    ].freeze
  end
end
