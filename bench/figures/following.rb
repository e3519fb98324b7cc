# frozen_string_literal: true

module Bench
  # Measures the processor time of a worker that follows 1,000 changes a second and reads few of them. The
  # cost of a change must not depend on the number of other keys.
  class Following
    include Harness::DSL

    SIZES = { "1,000" => 1_000, "100,000" => 100_000 }.freeze
    SECONDS = 10
    WRITERS = 4
    EACH_PER_SECOND = 250
    CHANGES = WRITERS * EACH_PER_SECOND * SECONDS
    GO = "Go clientv3, load and watch into a map"

    # Reports the processor time in milliseconds from the first change to the last.
    FOLLOWING = <<~'RUBY'
      def cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID, :float_millisecond)
      connect "/follow/", boot_timeout: 120
      report "ready"
      sleep 0.01 until EtcdDiscovery["/follow/begun"]
      before = cpu
      until EtcdDiscovery["/follow/ended"]
        EtcdDiscovery["/follow/7"]
        sleep 0.01
      end
      report cpu - before
    RUBY

    # Several threads write in parallel, so that a slow put does not lower the rate.
    WRITING = <<~RUBY.freeze
      configure "/unrelated"
      EtcdDiscovery.start
      report "ready"
      hear
      EtcdDiscovery.put("/follow/begun", "yes")
      started = now
      Array.new(#{WRITERS}) do |writer|
        Thread.new do
          #{EACH_PER_SECOND * SECONDS}.times do |turn|
            EtcdDiscovery.put("/follow/\#{((turn * #{WRITERS}) + writer) % 1_000}", turn.to_s)
            sleep [((turn + 1) / #{EACH_PER_SECOND}.0) - (now - started), 0].max
          end
        end
      end.each(&:join)
      took = now - started
      EtcdDiscovery.put("/follow/ended", "yes")
      report took
    RUBY

    def rows
      SIZES.map { |name, size| row(name, *follow(size)) }
    end

    private

    def row(size, ours, theirs)
      Row.new(work: "following 1,000 changes/s among #{size} keys", unit: "ms/s", figure: ours, against: GO,
              base: theirs, target: "≤ 1 ×")
    end

    # The milliseconds of processor time per second, ours and the Go program's, measured in parallel.
    def follow(size)
      etcd = start_etcd(flags: %w[--max-txn-ops=10000 --max-request-bytes=10000000])
      Content.put(etcd, "/follow/", size) { |number| number.to_s.rjust(200, "v") }
      reader = RubyReader.new(FOLLOWING, etcd, size)
      writer = RubyReader.new(WRITING, etcd, size)
      took = nil
      theirs = beside_go(etcd) { took = writer.tell.result }
      [reader.result / took, theirs && (theirs.fetch(:cpu) * 1e3 / took)]
    ensure
      Harness::Cleanup.close_all
    end

    # Runs the Go program in parallel. It expects all changes plus the first and the last marker.
    def beside_go(etcd, &block)
      return yield && nil unless GoPeer.available?

      GoPeer.beside("follow", etcd.endpoint, "/follow/", (CHANGES + 2).to_s, &block)
    end
  end
end
