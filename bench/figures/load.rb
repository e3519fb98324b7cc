# frozen_string_literal: true

module Bench
  # Measures loading the first snapshot of 100,000 keys of 200 bytes.
  class Load
    include Harness::DSL

    KEYS = 100_000
    ROUNDS = 3
    GO = "Go clientv3, paged Get into a map"

    LOADING = <<~'RUBY'
      def resident(field = "VmRSS") = File.read("/proc/self/status")[/#{field}:\s+(\d+)/, 1].to_i
      configure "/load/", boot_timeout: 120
      before = resident
      started = now
      EtcdDiscovery.start
      report({ ms: (now - started) * 1e3, peak_kib: resident("VmHWM") - before, kib: resident - before })
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
      figure = lambda do |work, unit, field, per_unit, target|
        median = ->(runs) { runs && (Stopwatch.median(runs.map { |run| run[field] }) / per_unit) }
        Row.new(work:, unit:, figure: median.call(ours), against: GO, base: median.call(theirs), target:)
      end
      [figure.call("first snapshot of 100,000 keys of 200 B", "ms", :ms, 1.0, "≤ 1.0 ×"),
       figure.call("peak memory while loading", "MiB", :peak_kib, 1024.0, "≤ 0.7 ×"),
       figure.call("memory afterwards, with Go after a forced GC", "MiB", :kib, 1024.0, "≤ 0.7 ×")]
    end
  end
end
