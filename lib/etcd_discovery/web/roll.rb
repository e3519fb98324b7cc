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
      # Seconds for which a member that is gone is remembered, from when it was a member last. The lease of
      # one that hangs may end between two calls.
      REMEMBERED = 75.0
      private_constant :WAIT, :KEPT, :KEPT_WAITING, :MOST, :REMEMBERED

      Call = Struct.new(:time, :report)
      # `answered` is when it answered a call of this process last, `listed` when it was a member last, and
      # `at` the same by the monotonic clock.
      Seen = Struct.new(:member, :answered, :listed, :at)

      # @return [Roll, nil] `nil` without a fleet
      def self.of(client) = (client.companion(self) if client.config.fleet)

      def initialize(client)
        @client = client
        @lock = Mutex.new
        @calls = {}
        @seen = {}
      end

      # @return [Fleet::Report] of all members, at the revision that this process has, or had a moment ago
      # @raise [Error]
      def state = kept(:state, KEPT) { call(present).tap { |report| remember(report) } }

      # @return [Fleet::Report] of who has a revision; again and again until all have it
      # @raise [Error]
      def reached(revision) = kept(revision, KEPT_WAITING) { call(revision) }

      # @return [Fleet::Report] whose answers have the latest events of each member
      # @raise [Error]
      def events = kept(:events, KEPT) { @client.fleet.call_for_events(present, timeout: WAIT) }

      # @param report [Fleet::Report] of {#state}
      # @return [Array<Seen>] those that were members a moment ago, and are no more
      def gone(report)
        present = (report.reached + report.missing).map { |answer| answer.member.id }
        @lock.synchronize do
          @seen.delete_if { |_, seen| seen.at < Clock.now - REMEMBERED }
          @seen.except(*present).values
        end
      end

      private

      def present = [@client.native_snapshot.revision, 1].max
      def call(revision) = @client.fleet.await(revision, timeout: WAIT)

      # What all have, they keep.
      def over?(name, call) = name.is_a?(Integer) && call.report.complete?

      def kept(name, seconds)
        call = @lock.synchronize { @calls[name] }
        return call.report if call && (Clock.now - call.time < seconds || over?(name, call))

        report = yield
        @lock.synchronize do
          @calls.delete(name)
          @calls[name] = Call.new(Clock.now, report)
          @calls.shift while @calls.size > MOST
        end
        report
      end

      def remember(report)
        answers = report.reached + report.missing
        @lock.synchronize do
          answers.each { |answer| see(answer.member, answered: !answer.revision.nil?) }
          report.left.each { |member| see(member, answered: false) }
        end
      end

      def see(member, answered:)
        now = Time.now
        last = answered ? now : @seen[member.id]&.answered
        @seen[member.id] = Seen.new(member, last, now, Clock.now)
      end
    end
  end
end
