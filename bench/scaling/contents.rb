# frozen_string_literal: true

require_relative "part"

module Bench
  module Scaling
    # Measures what a large content costs a host: the memory of each worker, and the start of many processes
    # without a parent that has the keys.
    class Contents < Part
      FIGURES = {
        bare: "private memory of a forked worker that does not use its copy, MiB",
        fresh: "private memory of a forked worker after the start, MiB",
        changed: "private memory of a forked worker after every key changed once, MiB",
        churned: "private memory of a forked worker after every key changed ten times, MiB",
        alone: "private memory of a process without a parent, MiB",
        boot: "start without a parent, until the last is ready, s"
      }.freeze

      private

      def measure
        Changes.prepare(@etcd, @load.content)
        @front = @mode.front(@etcd)
        { bare:, **memory, **boot }
      end

      # Of a worker of the same master, which only sleeps. There is none in Go.
      def bare
        host = @mode.bare(@front, @count)
        host && memory_of(host.workers)
      ensure
        host&.close
      end

      def memory
        host = @mode.start(@front, @count)
        fresh = memory_of(host.workers)
        change(host, ["w"])
        changed = memory_of(host.workers)
        change(host, [*"a".."i"])
        { fresh:, changed:, churned: memory_of(host.workers) }
      ensure
        host&.close
      end

      # Fills all keys with each of these in turn.
      def change(host, fills)
        fills.each { |fill| Changes.prepare(@etcd, @load.content, fill) }
        host.reach(Changes.mark(@etcd))
      end

      def boot
        alone = nil
        boot = @mode.boot(@front, @count) { |pids| alone = memory_of(pids) }
        { alone:, boot: }
      end

      # The median, in MiB.
      def memory_of(pids) = Stopwatch.median(pids.map { |pid| Meter.private_memory(pid) })
    end
  end
end
