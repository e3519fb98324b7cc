# frozen_string_literal: true

require_relative "fleet/member"
require_relative "fleet/membership"
require_relative "fleet/answer"
require_relative "fleet/member_event"
require_relative "fleet/answer_text"
require_relative "fleet/report"
require_relative "fleet/roll_call"

module EtcdDiscovery # rubocop:disable Style/Documentation -- lib/etcd_discovery.rb documents it
  # All processes that share the setting `fleet`: who they are, and which of them have a change.
  #
  # @example
  #   EtcdDiscovery.fleet.await(EtcdDiscovery.put("/config/limit", "50"), timeout: 2).complete?  # => true
  # @return [Fleet] of the default client
  # @raise [ConfigurationError] when `fleet` is not set
  def self.fleet = client.fleet

  # Only operators need it.
  autoload :Rollout, File.expand_path("rollout", __dir__)

  # All processes that follow etcd with the same `fleet` prefix, on all hosts: who they are, and which of them
  # have a change.
  #
  # @example
  #   revision = EtcdDiscovery.put("/config/limit", "50")
  #   report = EtcdDiscovery.fleet.await(revision, timeout: 2)
  #   report.complete?   # => true
  #   puts report        # 96 of 96 at revision 4711 after 14 ms
  class Fleet
    include ProcessBound

    # @return [String] the prefix of all its keys
    attr_reader :prefix

    # @api private
    # @param client [Client] asks etcd; it need not be a member
    def initialize(client, prefix)
      if prefix.nil?
        raise ConfigurationError, "fleet: no prefix is set, so there is no fleet; set it in every process: " \
                                  "config.fleet = \"/shop/fleet/\", or ETCDDISCOVERY_FLEET"
      end

      @client = client
      @prefix = prefix
    end

    # The processes that are members now, as etcd knows them. A process becomes one when it begins to follow
    # etcd, and stays one until it ends. One that is killed, stopped or cut off stays one until its lease runs
    # out, {Membership::TTL} seconds after its last heartbeat.
    #
    # @return [Array<Member>] by host and pid
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def members
      return [Membership.of(@client, prefix).member] if offline?

      all = ["#{prefix}members/", true, nil, false]
      _, ((_, rows)) = @client.native_read("read the members of the fleet", [all], nil)
      Member.all(rows)
    end

    # Asks every member whether its readers see a revision, and waits until all have said yes.
    #
    # Each member answers on its native thread: neither a slow request nor a block of `on_change` delays it.
    # What a process reads after its answer is of this revision or a later one. All keys of the call are under
    # a lease, and are gone when the call returns; if the caller dies, when the lease runs out.
    #
    # @example
    #   report = EtcdDiscovery.fleet.await(revision, timeout: 2)
    #   report.missing.each { |answer| logger.warn("#{answer.member} does not have it: #{answer.problem}") }
    # @param revision [Integer] as {Client#put} and all other writes return it
    # @param timeout [Numeric] seconds to wait for answers at most
    # @return [Report]
    # @raise [ArgumentError] for what is no revision, or no time
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def await(revision, timeout: 2)
      revision = History.revision(revision)
      timeout = Float(timeout)
      unless timeout.positive? && timeout <= Setting::LONGEST
        raise ArgumentError, "timeout: expected seconds above 0, #{Setting::LONGEST} at most, got #{timeout}"
      end
      return await_alone(revision, timeout) if offline?

      RollCall.new(@client, prefix, revision, timeout).run
    end

    # @api private
    # A roll call that asks for the latest events of each member too.
    #
    # @return [Report] whose answers have {Answer#events}
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def call_for_events(revision, timeout:)
      return await_alone(revision, timeout) if offline?

      RollCall.new(@client, prefix, revision, timeout, events: true).run
    end

    # @api private
    # @return [Integer] that etcd is at now
    def present_revision
      return @client.status.revision if offline?

      @client.native_read("read the revision", [["#{prefix}members/", true, 1, true]], nil).first
    end

    # @return [String]
    def inspect = "#<#{self.class} #{prefix}>"

    private

    def to_json_safe = { prefix: }

    def offline? = @client.native_offline?

    # Without etcd there are no other members.
    def await_alone(revision, timeout)
      started = Client.now
      reached = @client.native_wait_revision(revision, timeout)
      seconds = Client.now - started
      answer = Answer.new(members.first, seconds: (seconds if reached), **own_state)
      Report.new(revision, [answer], seconds:)
    end

    def own_state
      now = @client.status
      { revision: now.revision, age: now.age || 0.0, stale: now.stale?, reconnects: now.reconnects,
        rss: ResidentMemory.bytes }
    end
  end
end
