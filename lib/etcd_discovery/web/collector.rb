# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # Figures of the last minutes, for the charts. A thread takes them in each process that has served the
    # page, and ends when no one has looked for a while.
    #
    # @api private
    class Collector
      Sample = Struct.new(:time, :rate, :age)
      Delay = Struct.new(:time, :milliseconds)

      # Seconds between two samples, and for which they are kept.
      EVERY = 2.0
      KEPT = 600.0
      # Seconds without a look at the page after which the thread ends.
      PATIENCE = 900.0
      MOST_DELAYS = 300

      # @return [Collector] that of this client in this process, which is running
      def self.of(client) = client.companion(self).tap(&:run)

      def initialize(client)
        @client = client
        @lock = Mutex.new
        @samples = []
        @delays = []
      end

      def run
        @looked = Clock.now
        @lock.synchronize { start unless running? } unless running?
      rescue ResourceExhaustedError
        nil # the page works without charts
      end

      # @return [Array<Sample>] the oldest first
      def samples = @lock.synchronize { @samples.dup }

      # @return [Array<Delay>] from a put until it was visible here
      def delays = @lock.synchronize { @delays.dup }

      def add_delay(seconds)
        @lock.synchronize do
          @delays << Delay.new(Clock.now, [seconds * 1000, 0].max)
          @delays.shift while @delays.size > MOST_DELAYS || @delays.first.time < Clock.now - KEPT
        end
      end

      # Waits until this process can read a write of the page, and keeps how long that took.
      #
      # @param started [Float] when the write began, by {Client.now}
      def measure(revision, started)
        @client.wait_for_revision(revision, timeout: 1)
        add_delay(Client.now - started) if @log.nil? # otherwise the change log tells of every put
      rescue Error
        nil # it is written all the same
      end

      private

      # Threads do not survive a fork.
      def running? = @pid == Process.pid && @thread&.alive?

      def start
        @pid = Process.pid
        @samples.clear
        @before = nil
        @log ||= follow_log
        @thread = Threads.start("etcd_discovery page") { collect }
      end

      # An entry of the change log says when its write began, by the writer's clock.
      def follow_log
        prefix = @client.config.change_log or return
        @client.on_change(prefix) do |change|
          entry = change.value && ChangeLog::Entry.parse(change.value, change.revision)
          add_delay(Time.now - entry.at) if entry
        end
      rescue Error
        nil # the change log is not watched here
      end

      def collect
        while Clock.now - @looked < PATIENCE
          sample
          sleep EVERY
        end
      ensure
        @log&.cancel
        @log = nil
      end

      def sample
        return unless @client.ready?

        snapshot = @client.native_snapshot
        taken = Sample.new(Clock.now, rate(snapshot), @client.status.age)
        @before = [Clock.now, snapshot]
        @lock.synchronize do
          @samples << taken
          @samples.shift while @samples.first.time < taken.time - KEPT
        end
      rescue Error
        nil
      end

      # Keys that differ from the last sample: one that changes often counts once in each.
      def rate(snapshot)
        return 0.0 if @before.nil? || @before.last.revision == snapshot.revision

        snapshot.native_changes_since(@before.last, "").size / (Clock.now - @before.first)
      end
    end
  end
end
