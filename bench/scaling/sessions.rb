# frozen_string_literal: true

require_relative "part"

module Bench
  module Scaling
    # Measures what many sessions cost one etcd: many clients in a few processes, each with its own connection
    # and watch. The same is measured without them before, and subtracted.
    class Sessions < Part
      FIGURES = {
        watches: "watches at etcd",
        connections: "connections at etcd",
        connect: "until all are connected, s",
        memory: "etcd's memory per session, KiB",
        descriptors: "etcd's descriptors per session",
        idle_messages: "idle: messages per second and session",
        idle_etcd: "idle: etcd's CPU, µs per second and session",
        change: "etcd's CPU per change, µs",
        event: "etcd's CPU per change and session, µs",
        storm: "restart: requests to etcd",
        storm_most: "restart: most within 1 s",
        storm_seconds: "restart: until all are current, s",
        away_storm: "restart after a while: requests to etcd",
        away_most: "restart after a while: most within 1 s",
        away_seconds: "restart after a while: until all are current, s"
      }.freeze

      private

      def measure
        front = @mode.front(@etcd)
        @meter = Meter.new(@etcd, front)
        Changes.prepare(@etcd, @load.keys)
        @changes = writer
        bare = { idle:, change: change { nil }, **room }
        connect = Stopwatch.seconds { @sessions = @mode.processes.sessions(front, @count) }
        { watches: @meter.watches, connect:, **rooms(bare), **work(bare), **storms }
      end

      def idle = @meter.span { sleep @load.idle }

      def room = { memory: @meter.memory, descriptors: @meter.descriptors, connections: @meter.connections }

      def rooms(bare)
        more = room.to_h { |what, now| [what, now - bare[what]] }
        { connections: more[:connections], memory: more[:memory] * 1_024 / @count,
          descriptors: more[:descriptors].fdiv(@count) }
      end

      def work(bare)
        resting = idle
        changing = change { |revision| @sessions.reach(revision) }
        { idle_messages: per_session(resting.messages / resting.seconds),
          idle_etcd: per_session(rate(resting) - rate(bare[:idle])),
          change: per_change(changing), event: per_session(per_change(changing) - per_change(bare[:change])) }
      end

      # Makes few changes a second, because each is an event for every session.
      def writer
        count = [@load.changes / 10, 20].max
        Changes.new(@etcd, count:, per_second: @load.slowly, keys: @load.keys)
      end

      def change = @meter.span { yield @changes.call }

      def per_change(span) = span.etcd * 1e6 / @changes.count

      # Microseconds of processor time per second.
      def rate(span) = span.etcd * 1e6 / span.seconds

      def per_session(amount) = amount / @count

      def storms
        @changes.close
        at_once, later = [0, @load.away].map do |away|
          Storm.new(@etcd).call(away:) { |revision| @sessions.reach(revision) }
        end
        { storm: at_once.requests, storm_most: at_once.most, storm_seconds: at_once.seconds,
          away_storm: later.requests, away_most: later.most, away_seconds: later.seconds }
      end
    end
  end
end
