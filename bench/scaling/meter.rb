# frozen_string_literal: true

module Bench
  module Scaling
    # Reads what etcd and other processes use: from etcd's own metrics, and from the kernel.
    class Meter
      TCP_TABLES = %w[/proc/net/tcp /proc/net/tcp6].freeze
      ESTABLISHED = "01"
      MIB = 1_024.0
      CALLS = "grpc_server_started_total{"

      # What happened in some seconds. `etcd` (with a proxy before it) and each of `processes` are seconds of
      # processor time; `requests` are the gRPC calls started, and `messages` what etcd received in calls and
      # on open streams.
      Span = Struct.new(:seconds, :etcd, :processes, :requests, :messages)

      # The processor seconds that a process and all of its threads have used. The kernel has a clock for each
      # process, more precise than /proc/PID/stat; clock_getcpuclockid(3) makes its number this way.
      def self.cpu(pid) = Process.clock_gettime((~pid << 3) | 2)

      # The memory that only this process has, in MiB.
      def self.private_memory(pid)
        text = File.read("/proc/#{pid}/smaps_rollup")
        text.scan(/^Private_(?:Clean|Dirty):\s+(\d+)/).flatten.sum(&:to_i) / MIB
      end

      # @param etcd [Harness::EtcdServer]
      # @param front [#pid] what the clients connect to: etcd, or a proxy before it
      def initialize(etcd, front = etcd)
        @etcd = etcd
        @servers = [etcd, front].uniq
      end

      def watches = @etcd.metric("etcd_debugging_mvcc_watcher_total").to_i

      # The connections that etcd has accepted.
      def connections
        rows = TCP_TABLES.flat_map { |table| File.readlines(table).drop(1).map(&:split) }
        rows.count { |row| row[3] == ESTABLISHED && row[1].split(":").last.hex == @etcd.port }
      end

      def descriptors = Dir.children("/proc/#{@etcd.pid}/fd").size

      # In MiB.
      def memory = File.read("/proc/#{@etcd.pid}/status")[/^VmRSS:\s+(\d+)/, 1].to_i / MIB

      # The gRPC calls that etcd has started, a watch as one, without those that put something.
      def requests
        all, puts = @etcd.metrics(CALLS, "#{CALLS}grpc_method=\"Put\"")
        (all - puts).to_i
      end

      # Measures etcd and these processes during the block.
      def span(pids = [])
        calls = counts
        cpus = cpus(pids)
        started = Stopwatch.now
        yield
        seconds = Stopwatch.now - started
        etcd, *processes = cpus(pids).zip(cpus).map { |after, before| after - before }
        Span.new(seconds, etcd, processes, *counts.zip(calls).map { |after, before| after - before })
      end

      private

      # Reading the metrics costs etcd processor time, so spans read them outside.
      def counts = @etcd.metrics(CALLS, "grpc_server_msg_received_total{")

      def cpus(pids) = [@servers.sum { |server| Meter.cpu(server.pid) }, *pids.map { |pid| Meter.cpu(pid) }]
    end
  end
end
