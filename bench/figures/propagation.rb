# frozen_string_literal: true

module Bench
  # Measures the time from a put until a reader has the value, and the cost of following many changes. The
  # readers run in parallel, during the same writes.
  class Propagation
    include Harness::DSL

    PUTS = 1_000
    PER_SECOND = 200
    BURST = 50_000
    GO = "Go clientv3 watch"

    # The last key of the burst marks its end.
    BURSTS = <<~'RUBY'
      connect "/burst/"
      report "ready"
      EtcdDiscovery.wait_for("/burst/0", timeout: 600)
      started = now
      EtcdDiscovery.wait_for("/burst/#{Integer(ENV.fetch("COUNT")) - 1}", timeout: 600)
      report [now - started, Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) ]
    RUBY

    def rows
      @etcd = start_etcd(flags: %w[--max-txn-ops=10000 --max-request-bytes=10000000])
      ticks + burst_rows(*burst)
    ensure
      Harness::Cleanup.close_all
    end

    private

    def ticks
      works = { "put until a Ruby read gives it" => TickReaders::READS,
                "put until a waiting Ruby thread has it" => TickReaders::TICKS,
                "put until a block of on_change has it" => TickReaders::BLOCKS }
      ours = works.transform_values { |code| RubyReader.new(code, @etcd, PUTS) }
      theirs = beside_go("/tick/", PUTS + 1) { put_ticks }&.fetch(:latencies)
      ours.flat_map { |work, reader| latency_rows(work, reader.result, theirs) }
    end

    def put_ticks
      writer = client(@etcd, "/unrelated")
      PUTS.times do
        started = Stopwatch.now
        writer.put("/tick/a", Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond).to_s)
        sleep [1.fdiv(PER_SECOND) - (Stopwatch.now - started), 0].max
      end
      writer.put("/tick/a", "end")
    end

    def burst
      ours = RubyReader.new(BURSTS, @etcd, BURST)
      boot = cpu_of(ours.pid)
      theirs = beside_go("/burst/", BURST) { Content.put(@etcd, "/burst/", BURST) { "v" * 20 } }
      seconds, cpu = ours.result
      [{ seconds:, cpu: cpu - boot }, theirs]
    end

    def beside_go(prefix, count, &block)
      GoPeer.available? ? GoPeer.beside("watch", @etcd.endpoint, prefix, count.to_s, &block) : yield && nil
    end

    # The processor time of a process in seconds.
    def cpu_of(pid)
      File.read("/proc/#{pid}/stat").split.values_at(13, 14).sum(&:to_f) / Etc.sysconf(Etc::SC_CLK_TCK)
    end

    def latency_rows(work, ours, theirs)
      [50, 99].map do |percent|
        Row.new(work: "#{work}, p#{percent}", unit: "µs",
                figure: Stopwatch.percentile(ours, percent), against: GO,
                base: theirs && Stopwatch.percentile(theirs, percent), target: "≤ 1.0 ×")
      end
    end

    def burst_rows(ours, theirs)
      per_event = ->(cpu) { cpu && (cpu / BURST * 1e6) }
      rate = ->(seconds) { seconds && (BURST / seconds) }
      [Row.new(work: "changes applied in a burst of 50,000", figure: rate.call(ours[:seconds]), unit: "/s",
               against: GO, base: rate.call(theirs&.fetch(:seconds)), target: "≥ 1 ×"),
       Row.new(work: "processor per change in that burst", figure: per_event.call(ours[:cpu]), unit: "µs",
               against: GO, base: per_event.call(theirs&.fetch(:cpu)), target: "≤ 1 ×")]
    end
  end
end
