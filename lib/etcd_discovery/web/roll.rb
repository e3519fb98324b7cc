# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # Asks the fleet who has a revision. A roll call makes every member write an answer, so one that was made
    # a moment ago is good for all who look.
    #
    # @api private
    class Roll
      # Seconds that a page waits for answers, and for which they are good.
      WAIT = 0.4
      KEPT = 10.0
      KEPT_WAITING = 1.5
      MOST = 16
      private_constant :WAIT, :KEPT, :KEPT_WAITING, :MOST

      Call = Struct.new(:time, :report)

      # @return [Roll, nil] `nil` without a fleet
      def self.of(client) = (client.companion(self) if client.config.fleet)

      def initialize(client)
        @client = client
        @lock = Mutex.new
        @calls = {}
      end

      # @return [Fleet::Report] of all members, at the revision that this process has, or had a moment ago
      # @raise [Error]
      def state = kept(:state, KEPT) { @client.native_snapshot.revision }

      # @return [Fleet::Report] of who has a revision; again and again until all have it
      # @raise [Error]
      def reached(revision) = kept(revision, KEPT_WAITING) { revision }

      private

      # What all have, they keep.
      def over?(name, call) = name != :state && call.report.complete?

      def kept(name, seconds)
        call = @lock.synchronize { @calls[name] }
        return call.report if call && (Clock.now - call.time < seconds || over?(name, call))

        report = @client.fleet.await(yield, timeout: WAIT)
        @lock.synchronize do
          @calls.delete(name)
          @calls[name] = Call.new(Clock.now, report)
          @calls.shift while @calls.size > MOST
        end
        report
      end
    end
  end
end
