# frozen_string_literal: true

module Bench
  # Measures the private memory of one more worker, forked from a master that has the keys.
  class Memory
    include Harness::DSL

    # The child reads some keys, as a worker does. With `COPY` it makes a full copy too.
    WORKER = <<~'RUBY'
      connect "/memory/", boot_timeout: 120 if ENV["KEYS"]
      keys = Array.new(Integer(ENV["KEYS"] || 0)) { |n| "/memory/#{n}" }
      GC.start
      in_child do
        keys.first(100).each { |key| EtcdDiscovery[key] }
        wait_until("the watch") { EtcdDiscovery.status.state == :watching } if ENV["KEYS"]
        copy = keys.to_h { |key| [key.dup, EtcdDiscovery.snapshot[key].dup] } if ENV["COPY"]
        text = File.read("/proc/self/smaps_rollup")
        report text.scan(/^Private_(?:Clean|Dirty):\s+(\d+)/).flatten.sum(&:to_i) / 1024.0
        copy&.clear
      end
    RUBY

    def rows
      bare = worker(nil)
      few = in_etcd(100) { |etcd| worker(etcd, "KEYS" => "100") }
      many, copy = in_etcd(100_000) do |etcd|
        [worker(etcd, "KEYS" => "100000"), worker(etcd, "KEYS" => "100000", "COPY" => "1")]
      end
      [row("100 keys", few - bare, nil, nil, "≤ 3 MiB"),
       row("100,000 keys", many - bare, "a full copy in Ruby", copy - bare, "≤ 10 %")]
    ensure
      Harness::Cleanup.close_all
    end

    private

    def row(keys, figure, against, base, target)
      Row.new(work: "private memory of one more worker, #{keys}, above a bare one", figure:, unit: "MiB",
              against:, base:, target:)
    end

    def in_etcd(count)
      etcd = start_etcd(flags: %w[--max-txn-ops=10000 --max-request-bytes=10000000])
      Content.put(etcd, "/memory/", count) { |number| number.to_s.rjust(200, "v") }
      yield etcd
    end

    def worker(etcd, env = {})
      runs = Array.new(3) { ruby_process(WORKER, etcd, env:).heard(timeout: 120) }
      Stopwatch.median(runs)
    end
  end
end
