# frozen_string_literal: true

require_relative "part"

module Bench
  module Scaling
    # Measures what a large content costs a host: the memory of each worker, and the start of many processes
    # without a parent that has the keys.
    class Contents < Part
      FIGURES = {
        fresh: "private memory of a forked worker after the start, MiB",
        changed: "private memory of a forked worker after every key changed once, MiB",
        alone: "private memory of a process without a parent, MiB",
        boot: "start without a parent, until the last is ready, s"
      }.freeze

      private

      def measure
        Changes.prepare(@etcd, @load.content)
        @front = @mode.front(@etcd)
        { **memory, **boot }
      end

      def memory
        host = @mode.start(@front, @count)
        fresh = memory_of(host.workers)
        Changes.prepare(@etcd, @load.content, "w")
        host.reach(Changes.mark(@etcd))
        { fresh:, changed: memory_of(host.workers) }
      ensure
        host&.close
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
