# frozen_string_literal: true

module Bench
  # Measures one read, compared with the alternatives.
  class Reads
    include Harness::DSL

    KEYS = 1_000
    MANY = 100_000
    LOCAL = 1_000_000
    TARGET = defined?(RubyVM::YJIT) && RubyVM::YJIT.enabled? ? "≤ 1.0 ×" : "≤ 1.2 ×"
    REMOTE = 2_000

    # The Ruby code of each read. Its names are the local variables of {#local_binding}.
    LOCAL_READS = {
      "Hash#[], frozen, literal key" => "hash[\"/service/57\"]",
      "EtcdDiscovery[], literal key" => "EtcdDiscovery[\"/service/57\"]",
      "Hash#[], frozen, other key" => "hash[key]",
      "EtcdDiscovery[], other key" => "EtcdDiscovery[key]",
      "EtcdDiscovery Client#[], literal key" => "client[\"/service/57\"]",
      "EtcdDiscovery Snapshot#[], literal key" => "snapshot[\"/service/57\"]",
      "EtcdDiscovery[], key not there" => "EtcdDiscovery[absent]",
      "EtcdDiscovery.integer" => "EtcdDiscovery.integer(\"/service/57\")",
      "ENV[]" => "ENV[\"BENCH_VALUE\"]",
      "Mutex + Hash" => "mutex.synchronize { hash[\"/service/57\"] }",
      "Concurrent::Map#[]" => "map[\"/service/57\"]",
      "ActiveSupport::Cache::MemoryStore#read" => "store.read(\"/service/57\")"
    }.freeze

    HASH = { "literal" => "Hash#[], frozen, literal key", "other" => "Hash#[], frozen, other key" }.freeze

    def rows
      small = local_figures(KEYS)
      rows = small.map { |name, figure| row(name, figure, small) }
      rows + busy_rows + many_rows + Remote.new(REMOTE).rows(small.fetch("EtcdDiscovery[], literal key"))
    ensure
      Harness::Cleanup.close_all
    end

    private

    def row(name, figure, figures)
      base = HASH.fetch(name.include?("other key") ? "other" : "literal") unless name.start_with?("Hash#")
      target = TARGET if name.match?(/EtcdDiscovery\[\], (literal|other) key/)
      Row.new(work: name, figure:, unit: "ns", against: base, base: figures[base], target:)
    end

    def local_figures(count)
      start(count)
      Stopwatch.nanoseconds(available_reads, local_binding, reads: LOCAL)
    end

    # Measures the same read while another process changes other keys.
    def busy_rows
      name = "EtcdDiscovery[], literal key"
      loops = { name => LOCAL_READS.fetch(name) }
      quiet = Stopwatch.nanoseconds(loops, local_binding, reads: LOCAL).fetch(name)
      writer = ChangeWriter.new(@etcd, per_second: 1_000)
      busy = Stopwatch.nanoseconds(loops, local_binding, reads: LOCAL).fetch(name)
      writer.stop
      [Row.new(work: "EtcdDiscovery[] during 1,000 changes/s", figure: busy, unit: "ns", against: "at rest",
               base: quiet, target: "≤ 1.3 ×")]
    end

    def many_rows
      start(MANY)
      # Each iteration reads another key, so memory access counts as much as code.
      loops = { "hash" => "hash[keys[turn % 100_000]]", "ours" => "EtcdDiscovery[keys[turn % 100_000]]",
                "key" => "keys[turn % 100_000]" }
      figures = Stopwatch.nanoseconds(loops, local_binding, reads: LOCAL)
      figures = figures.transform_values { |figure| figure - figures["key"] }
      [Row.new(work: "EtcdDiscovery[], 100,000 keys in turn", figure: figures["ours"], unit: "ns",
               against: "Hash#[], the same", base: figures["hash"], target: TARGET)]
    end

    def start(count)
      @etcd = start_etcd(flags: %w[--max-txn-ops=10000 --max-request-bytes=10000000])
      Content.put(@etcd, "/service/", count, &:to_s)
      EtcdDiscovery.configure do |config|
        config.endpoints = [@etcd.endpoint]
        config.watch "/service/"
        config.boot_timeout = 60
      end
      EtcdDiscovery.start
    end

    def available_reads
      {
        "Concurrent::Map#[]" => %w[concurrent],
        "ActiveSupport::Cache::MemoryStore#read" => %w[active_support active_support/cache]
      }.reject { |_, features| features.all? { |feature| require?(feature) } }.keys.then do |missing|
        LOCAL_READS.except(*missing)
      end
    end

    def require?(feature)
      require feature
      true
    rescue LoadError
      false
    end

    # A binding with the local variables that the loops use.
    def local_binding
      snapshot = EtcdDiscovery.snapshot
      hash = snapshot.to_h.freeze
      keys = hash.keys.map { |name| String.new(name).freeze }.shuffle(random: Random.new(1))
      values = { client: EtcdDiscovery.client, snapshot:, hash:, keys:, key: +"/service/57" }
      values.merge(peers(hash["/service/57"])).each_with_object(binding) do |(name, value), scope|
        scope.local_variable_set(name, value)
      end
    end

    def peers(value)
      ENV["BENCH_VALUE"] = value
      map = Concurrent::Map.new.tap { |fresh| fresh["/service/57"] = value } if defined?(Concurrent::Map)
      store = ActiveSupport::Cache::MemoryStore.new if defined?(ActiveSupport::Cache::MemoryStore)
      store&.write("/service/57", value)
      { map:, store:, mutex: Mutex.new, absent: +"/service/absent" }
    end
  end
end
