# frozen_string_literal: true

require_relative "part"

module Bench
  module Scaling
    # Measures what one host costs: while nothing changes, at a steady rate of changes, and after a restart of
    # etcd.
    class Hosts < Part
      # What is measured: the name of each figure, with its unit.
      FIGURES = {
        watches: "watches at etcd",
        connections: "connections at etcd",
        idle_messages: "idle: messages per second to etcd",
        idle_requests: "idle: of these, calls",
        idle_etcd: "idle: etcd's CPU, ms per second",
        idle_host: "idle: CPU of all processes, ms per second",
        etcd: "CPU of etcd (and its proxy), s per 1,000 changes",
        quiet: "CPU of a worker without a block, s per 1,000 changes",
        host_quiet: "CPU of all processes without a block, s per 1,000 changes",
        loud: "CPU of a worker with on_change, s per 1,000 changes",
        host: "CPU of all processes with on_change, s per 1,000 changes",
        rate: "changes per second in this",
        first50: "put to first worker, p50, ms",
        first99: "put to first worker, p99, ms",
        last50: "put to last worker, p50, ms",
        last99: "put to last worker, p99, ms",
        storm: "restart: requests to etcd",
        storm_most: "restart: most within 1 s",
        storm_seconds: "restart: until all are current, s"
      }.freeze

      # The watches that a host holds.
      def self.watches(mode, count)
        etcd = Harness::EtcdServer.new.start
        mode.start(mode.front(etcd), count)
        Meter.new(etcd).watches
      ensure
        Harness::Cleanup.close_all
      end

      private

      def measure
        front = @mode.front(@etcd)
        @meter = Meter.new(@etcd, front)
        prepare
        { **connected(front), **idle, **quiet, **loud, **storm }
      end

      def prepare
        Changes.prepare(@etcd, @load.keys)
        @changes = Changes.new(@etcd, count: @load.changes, per_second: @load.per_second, keys: @load.keys)
      end

      def connected(front)
        before = @meter.connections
        @host = @mode.start(front, @count)
        { watches: @meter.watches, connections: @meter.connections - before }
      end

      def idle
        span = @meter.span(@host.pids) { sleep @load.idle }
        { idle_messages: span.messages / span.seconds, idle_requests: span.requests / span.seconds,
          idle_etcd: span.etcd * 1e3 / span.seconds, idle_host: span.processes.sum * 1e3 / span.seconds }
      end

      # No worker has a block for changes.
      def quiet
        span = change
        { etcd: per_thousand(span.etcd), quiet: per_thousand(worker(span)),
          host_quiet: per_thousand(span.processes.sum) }
      end

      # Every worker has a block for all changes.
      def loud
        @host.listen
        span = change
        { loud: per_thousand(worker(span)), host: per_thousand(span.processes.sum),
          rate: @load.changes / span.seconds, **delays }
      end

      def delays
        arrivals = @host.arrivals
        complete = arrivals.map(&:keys).inject(:&)
        first, last = complete.map { |put| arrivals.map { |worker| worker[put] }.minmax }.transpose
        milliseconds = ->(times, percent) { times && (Stopwatch.percentile(times, percent) / 1e6) }
        { first50: milliseconds[first, 50], first99: milliseconds[first, 99],
          last50: milliseconds[last, 50], last99: milliseconds[last, 99] }
      end

      def storm
        @changes.close
        result = Storm.new(@etcd).call { |revision| @host.reach(revision) }
        { storm: result.requests, storm_most: result.most, storm_seconds: result.seconds }
      end

      # Changes keys until every worker has the last change.
      def change
        @meter.span(@host.pids) { @host.reach(@changes.call) }
      end

      # The median of the workers. A master is none.
      def worker(span)
        cpus = @host.pids.zip(span.processes).to_h
        Stopwatch.median(cpus.values_at(*@host.workers))
      end

      def per_thousand(seconds) = seconds * 1_000 / @load.changes
    end
  end
end
