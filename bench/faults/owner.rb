# frozen_string_literal: true

module Bench
  module Faults
    TTL = 3
    KEY = "/service/b/one"

    # A process that has registered an instance, and the times at which its key appears and disappears.
    class Owner
      CODE = <<~'RUBY'
        connect(ENV.fetch("WATCHED"))
        registration = EtcdDiscovery.register("b", "10.1.1.60:8081", id: "one", ttl: Integer(ENV.fetch("TTL")))
        registration.wait(timeout: 30)
        report registration.lease
        hear
      RUBY

      attr_reader :lease

      def initialize(endpoints, watch, watched: "/service/")
        @watch = watch
        started = Harness.now
        env = { "TTL" => TTL.to_s, "WATCHED" => watched }
        @process = Harness::RubyProcess.new(CODE, endpoints:, env:)
        @lease = @process.heard(timeout: 60)
        @watch.await(KEY, since: started, timeout: 60) { |event| event.lease == @lease }
      end

      def signal(name) = @process.signal(name)

      # Lets the process exit normally.
      def finish = @process.tell

      # Seconds from `since` until the key is gone.
      def gone(since) = await(:delete, since).at - since

      # Seconds from `since` until the key is there again.
      def back(since) = await(:put, since).at - since

      # The longest time without the key since then, in seconds; 0 if it was always there.
      def longest_gap(since)
        events = @watch.events(KEY).select { |event| event.at >= since }
        gaps = events.each_cons(2).filter_map { |one, next_one| next_one.at - one.at if one.type == :delete }
        gaps.max || 0
      end

      # Ends the process, and waits until its key is gone.
      def close
        @process.close
        @watch.await(KEY, timeout: 60) { @watch.events(KEY).last.type == :delete }
      end

      private

      def await(type, since)
        @watch.await(KEY, since:, timeout: 60, every: 0.002) { |event| event.type == type }
      end
    end
  end
end
