# frozen_string_literal: true

require_relative "gateway/connection"

module EtcdDiscovery
  class Web
    # Asks etcd's members one by one: how fast each answers, its version, who leads, and how long a lease
    # lasts. What a member does not answer in a second is left open, and the page does without it.
    #
    # @api private
    class Gateway
      Member = Struct.new(:endpoint, :version, :leader, :bytes, :seconds, :problem, keyword_init: true)

      # Seconds for which an answer is good.
      KEPT = 5.0
      MOST_MEMBERS = 9
      MOST_LEASES = 50
      # How many leases are asked for at once, and seconds after which no more are.
      AT_ONCE = 8
      LIMIT = 1.0
      private_constant :KEPT, :MOST_MEMBERS, :MOST_LEASES, :AT_ONCE, :LIMIT

      # @return [Gateway]
      def self.of(client) = client.companion(self)

      def initialize(client)
        @client = client
        @connection = Connection.new(client.config)
        @lock = Mutex.new
        @kept = {}
      end

      # @return [Array<Member>] as configured
      def members
        keep(:members) do
          at_once(endpoints) { |endpoint| member(endpoint) }
        end
      end

      # @param leases [Array<Integer>] each is asked for once; of many only the first
      # @return [Hash{Integer => Integer}] the seconds that each has left; without those that are unknown
      def seconds_left(leases)
        wanted = leases.uniq.first(MOST_LEASES)
        return {} if wanted.empty? || endpoints.empty?

        keep([:leases, wanted]) do
          in_time(wanted) { |lease| [lease, ttl(lease)] }.to_h.compact
        end
      end

      private

      # What was asked for a moment ago is not asked for again.
      def keep(name)
        @lock.synchronize do
          time, found = @kept[name]
          return found if time && Clock.now - time < KEPT
        end
        found = yield
        @lock.synchronize do
          @kept.delete_if { |_, (time, _)| Clock.now - time > KEPT }
          @kept[name] = [Clock.now, found]
        end
        found
      end

      # The one that is followed goes first.
      def endpoints
        return [] if @client.config.source

        configured = @client.config.discovery_domain ? [] : @client.config.endpoints
        [*@client.status.endpoint, *configured].uniq.grep(%r{\Ahttps?://}).first(MOST_MEMBERS)
      end

      def at_once(list)
        list.map { |one| Threads.start("etcd_discovery page") { yield one } }.map(&:value)
      rescue ResourceExhaustedError
        []
      end

      # A few at once, until the time is up.
      def in_time(list)
        deadline = Clock.now + LIMIT
        waiting = list.dup
        take = -> { @lock.synchronize { waiting.shift if Clock.now < deadline } }
        found = at_once(Array.new([AT_ONCE, list.size].min)) do
          results = []
          while (one = take.call)
            results << yield(one)
          end
          results
        end
        found.flatten(1)
      end

      # Some versions tell only root more than the version; a user without that right still sees who answers.
      def member(endpoint)
        started = Clock.now
        version = @connection.get(endpoint, "/version")
        seconds = Clock.now - started
        more = @connection.post(endpoint, "/v3/maintenance/status", {})
        leader = more.key?("leader") ? more["leader"] == more.dig("header", "member_id") : nil
        Member.new(endpoint:, version: version["etcdserver"], leader:, bytes: more["dbSize"]&.to_i, seconds:)
      rescue StandardError => e
        Member.new(endpoint:, problem: e.class.name)
      end

      def ttl(lease)
        seconds = @connection.post(endpoints.first, "/v3/lease/timetolive", { ID: lease.to_s })["TTL"]
        seconds && [seconds.to_i, 0].max
      rescue StandardError
        nil
      end
    end
  end
end
