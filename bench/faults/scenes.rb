# frozen_string_literal: true

module Bench
  module Faults
    # The faults of an owner or of etcd. Each returns its measured times in seconds, one for each of its
    # bounds.
    class Scenes
      include Harness::DSL

      # The description of each fault, what is measured, and the bounds in seconds.
      ALL = {
        killed: ["the owner is killed with -9", { "until it is gone" => TTL + 1 }],
        exits: ["the owner exits normally", { "until it is gone" => 0.2 }],
        stopped: ["the owner is stopped for 3 TTL (SIGSTOP), then continues",
                  { "until it is gone" => TTL + 1, "from SIGCONT until it is back" => 1 }],
        cut_off: ["the owner is cut off from etcd for 2 TTL",
                  { "until it is gone" => TTL + 1, "from the end of the cut until it is back" => 6 }],
        revoked: ["its lease is revoked by hand", { "absent" => 1 }],
        deleted: ["its key is deleted by hand", { "absent" => 1 }],
        deleted_unwatched: ["the same, but its owner does not watch it", { "absent" => (TTL / 3.0) + 1 }],
        leader_killed: ["the leader is killed with -9", { "absent" => 1 }],
        all_restarted: ["all members are killed and restarted", { "absent" => 1 }]
      }.freeze

      def initialize
        @cluster = start_cluster
        @watch = watch_keys(@cluster)
      end

      # The measured seconds, in the order of the bounds.
      def play(name) = Array(send(name))

      private

      def owner(**options)
        owner = Owner.new(options.delete(:endpoints) || @cluster.endpoints, @watch, **options)
        yield owner
      ensure
        owner&.close
      end

      def killed
        owner do |one|
          since = Harness.now
          one.signal(:KILL)
          one.gone(since)
        end
      end

      def exits
        owner do |one|
          since = Harness.now
          one.finish
          one.gone(since)
        end
      end

      def stopped
        owner do |one|
          one.signal(:STOP)
          gone = one.gone(stopped_at = Harness.now)
          sleep [(3 * TTL) - (Harness.now - stopped_at), 0].max
          one.signal(:CONT)
          [gone, one.back(Harness.now)]
        end
      end

      def cut_off
        proxies = @cluster.members.map { |member| start_proxy(member) }
        owner(endpoints: proxies.map(&:endpoint)) do |one|
          since = Harness.now
          proxies.each(&:half_open)
          gone = one.gone(since)
          sleep [(2 * TTL) - (Harness.now - since), 0].max
          proxies.each(&:pass)
          [gone, one.back(Harness.now)]
        end
      end

      def revoked = absent_after { |one| @cluster.ctl.revoke(one.lease) }

      def deleted = absent_after { @cluster.ctl.delete(KEY) }

      def deleted_unwatched = absent_after(watched: "/elsewhere/") { @cluster.ctl.delete(KEY) }

      def absent_after(**options)
        owner(**options) do |one|
          sleep 1.5 # a key that existed for less than a second is put again only after a backoff
          since = Harness.now
          yield one
          one.back(since)
          one.longest_gap(since)
        end
      end

      def leader_killed
        absent_during do
          leader = @cluster.members.find { |member| leads?(member) }
          leader.kill9
          outlast_the_lease
          leader.start
        end
      end

      def all_restarted
        absent_during do
          @cluster.members.each(&:kill9)
          @cluster.start
          outlast_the_lease
        end
      end

      def absent_during
        owner do |one|
          since = Harness.now
          yield
          @watch.catch_up(@cluster.ctl)
          one.longest_gap(since)
        end
      end

      # Waits until a lease without renewal would have expired.
      def outlast_the_lease = sleep(3 * TTL)

      def leads?(member)
        status = JSON.parse(member.ctl.run("endpoint", "status", "--write-out=json")).first.fetch("Status")
        status["leader"] == status.fetch("header")["member_id"]
      end
    end
  end
end
