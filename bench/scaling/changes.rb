# frozen_string_literal: true

module Bench
  module Scaling
    # Changes keys at a steady rate. Each value starts with the time of its put.
    class Changes
      PREFIX = "/scale/"
      BYTES = 200
      # What etcd needs to take many keys in one transaction.
      FLAGS = %w[--max-txn-ops=10000 --max-request-bytes=10000000].freeze

      # Several threads, so that a slow put does not lower the rate. It watches nothing.
      WRITER = <<~RUBY.freeze
        configure
        EtcdDiscovery.start
        count, per_second, keys = ENV.values_at("COUNT", "PER_SECOND", "KEYS").map { |text| Integer(text) }
        EtcdDiscovery.put("/elsewhere", "connects")
        report "ready"
        while hear
          started = now
          revisions = Array.new(4) do |writer|
            Thread.new do
              (writer...count).step(4).map do |turn|
                sleep [started + turn.fdiv(per_second) - now, 0].max
                put = Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
                EtcdDiscovery.put("#{PREFIX}\#{turn % keys}", "\#{put} ".ljust(#{BYTES}, "v"))
              end
            end
          end
          report revisions.flat_map(&:value).max
        end
      RUBY

      # Puts the keys.
      def self.prepare(etcd, keys, fill = "v")
        Content.put(etcd, PREFIX, keys) { |number| number.to_s.rjust(BYTES, fill) }
      end

      # Puts one more key, and returns its revision.
      def self.mark(etcd) = etcd.ctl.put("#{PREFIX}mark", "v")

      # How many changes {#call} makes.
      attr_reader :count

      def initialize(etcd, count:, per_second:, keys:)
        env = { "COUNT" => count, "PER_SECOND" => per_second, "KEYS" => keys }.transform_values(&:to_s)
        @count = count
        @process = Harness::RubyProcess.new(WRITER, endpoints: [etcd.endpoint], env:)
        @process.heard
      end

      # Makes all changes, and returns the revision of the last.
      def call
        @process.tell
        @process.heard(timeout: 600)
      end

      def close = @process.close
    end
  end
end
