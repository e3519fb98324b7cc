# frozen_string_literal: true

module Bench
  module Scaling
    # Kills etcd, starts it again, and counts the requests until all clients are current. The put that they
    # wait for does not count.
    class Storm
      EVERY = 0.05
      WINDOW = 1.0

      # `most` is the most requests within a second; `seconds` run from the moment that etcd answers.
      Result = Struct.new(:requests, :most, :seconds)

      # The most of what was counted within any `window` seconds.
      #
      # @param samples [Array<Array(Float, Integer)>] times, and what was counted until then since zero
      def self.most(samples, window = WINDOW)
        samples.map do |at, count|
          count - (samples.reverse_each.find { |earlier, _| earlier <= at - window }&.last || 0)
        end.max || 0
      end

      def initialize(etcd)
        @etcd = etcd
        @meter = Meter.new(etcd)
      end

      # @param away [Numeric] seconds that etcd is away
      # @yieldparam revision [Integer] waits until every client has it
      # @return [Result]
      def call(away: 0)
        @etcd.kill9
        sleep away
        @over = false
        samples = Thread.new { sample }
        @etcd.start
        started = Stopwatch.now
        yield Changes.mark(@etcd)
        seconds = Stopwatch.now - started
        @over = true
        Result.new(samples.value.last.last, Storm.most(samples.value), seconds)
      end

      private

      # The new process counts from zero.
      def sample
        samples = []
        loop do
          over = @over
          count = requests and samples << [Stopwatch.now, count]
          return samples if over

          sleep EVERY
        end
      end

      # nil while etcd starts.
      def requests
        @meter.requests
      rescue SystemCallError, IOError, Timeout::Error
        nil
      end
    end
  end
end
