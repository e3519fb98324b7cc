# frozen_string_literal: true

module Bench
  # The first snapshot of 100,000 keys of 200 bytes.
  class Load
    include Harness::DSL

    KEYS = 100_000
    ROUNDS = 3
    GO = "Go clientv3, paged Get into a map"

    LOADING = <<~'RUBY'
      def resident = File.read("/proc/self/status")[/VmRSS:\s+(\d+)/, 1].to_i
      configure "/load/", boot_timeout: 120
      before = resident
      started = now
      EtcdDiscovery.start
      report [(now - started) * 1e3, resident - before, EtcdDiscovery.snapshot.size]
    RUBY

    def rows
      etcd = start_etcd(flags: %w[--max-txn-ops=10000 --max-request-bytes=10000000])
      Content.put(etcd, "/load/", KEYS) { |number| number.to_s.rjust(200, "v") }
      ours = Array.new(ROUNDS) { ruby_process(LOADING, etcd).heard(timeout: 120) }
      theirs = Array.new(ROUNDS) { GoPeer.run("load", etcd.endpoint, "/load/") } if GoPeer.available?
      figures(ours, theirs)
    ensure
      Harness::Cleanup.close_all
    end

    private

    def figures(ours, theirs)
      median = ->(values) { values && Stopwatch.median(values) }
      [Row.new(work: "first snapshot of 100,000 keys of 200 B", unit: "ms",
               figure: median.call(ours.map(&:first)), against: GO,
               base: median.call(theirs&.map { |run| run[:ms] }), target: "≤ 1.0 ×"),
       Row.new(work: "memory that it takes", unit: "MiB",
               figure: median.call(ours.map { |run| run[1] / 1024.0 }), against: GO,
               base: median.call(theirs&.map { |run| run[:kib] / 1024.0 }), target: "≤ 0.7 ×")]
    end
  end
end
