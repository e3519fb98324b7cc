# frozen_string_literal: true

require_relative "finding"

module EtcdDiscovery
  class Doctor
    # How long etcd takes for a linearizable read.
    #
    # @api private
    class LatencyCheck < Check
      check_name :latency
      READS = 50
      # Milliseconds of the slowest of a hundred.
      SLOW = 500
      # Seconds for all of them.
      LONGEST = 3

      def findings
        return [] if context.broken_files || context.refused

        context.each_at_once(context.alive) { |target| measure(target) }.compact
      end

      # @param times [Array<Float>] milliseconds
      # @return [Finding]
      def self.verdict(times, subject)
        sorted = times.sort
        median, slowest = [50, 99].map { |percent| sorted[((sorted.size - 1) * percent / 100.0).round] }
        level = slowest > SLOW ? :doubtful : :fine
        if level == :doubtful
          advice = "look at etcd's disk (etcd_disk_wal_fsync_duration_seconds) and at the network"
        end
        finding(level, "p50 #{median} ms, p99 #{slowest} ms of #{sorted.size} reads", subject:, advice:)
      end

      private

      def measure(target)
        client = context.client(target)
        read(client) # connects
        self.class.verdict(times(client), target.endpoint)
      rescue Error => e
        doubtful(e.message, subject: target.endpoint)
      end

      # At least one.
      def times(client)
        deadline = context.now + [LONGEST, context.left / 2].min
        times = [context.timed { read(client) }.last]
        times << context.timed { read(client) }.last while times.size < READS && context.now < deadline
        times
      end

      def read(client)
        client.native_read("read", [[RightsCheck::PROBE, false, 1, true]], nil)
      rescue PermissionError
        nil # an answer all the same
      end
    end
  end
end
