# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # Writes all log lines about one client, for events and everything else.
    #
    # Lines about one subject share a limit, so that no fault fills the disk. {LogThread} writes the lines of
    # events; other lines are written by the thread that reports something.
    #
    # @api private
    class EventLogger
      # The events that begin a time without a connection, and end it.
      LOSSES = %i[disconnect denied].freeze
      GAINS = %i[connect reconnect].freeze

      # Seconds that a signal handler waits for the logger.
      LONGEST_WAIT_IN_HANDLER = 0.1
      private_constant :LONGEST_WAIT_IN_HANDLER

      class << self
        # Writes one line. A failing logger must not break its caller. Lines contain keys and etcd's messages,
        # so they are escaped: a key must not be able to forge a line.
        #
        # @param logger [#info, nil]
        # @param level [Symbol] `:info`, `:warn` or `:error`
        # @param line [String]
        def write(logger, level, line)
          return unless logger
          return write_elsewhere(logger, level, line) if Lock.in_signal_handler?

          logger.public_send(level, Escape.line("etcd_discovery[#{Process.pid}]: #{line}"))
          nil
        rescue StandardError
          nil
        end

        private

        # In a signal handler, Ruby's Logger cannot take its lock and drops the line. The handler may have
        # interrupted the holder of that lock, so the wait for another thread is short, and the line comes
        # later.
        def write_elsewhere(logger, level, line)
          Thread.new { write(logger, level, line) }.join(LONGEST_WAIT_IN_HANDLER)
          nil
        end
      end

      def initialize(client)
        @client = client
        @logger = client.config.logger
        start_over
      end

      # @param subject [Symbol] what the line is about
      # @param wake [Boolean] whether to start the thread that writes the line later, if it is held back
      # @return [void]
      def write(level, line, subject:, wake: true)
        return unless @logger

        start_over unless @pid == Process.pid
        Lock.soon do
          others = @lock.synchronize { throttle(subject).pass([level, line], Client.now) }
          others ? put(level, line, others) : (@client.observe if wake)
        end
      rescue StandardError
        nil
      end

      # Writes the events since the last call, and lines that are due. Only {LogThread} calls this.
      #
      # @return [Numeric, nil] seconds until another line is due
      def catch_up
        return unless @logger

        start_over unless @pid == Process.pid
        log_events
        write_due
        @lock.synchronize { due }
      end

      # Stops the reminders when the client was stopped.
      #
      # @return [void]
      def stopped
        Lock.soon { @lock.synchronize { @reminder.end } }
      end

      private

      # Drops what a forked child inherits: it belongs to the parent.
      def start_over
        @pid = Process.pid
        @cursor = 0
        @throttles = {}
        @reminder = Reminder.new
        @lock = Lock.new
      end

      def throttle(subject)
        @throttles[subject] ||= Throttle.new
      end

      def log_events
        cursor, missed, found = @client.native_drain(@cursor)
        return unless cursor

        @cursor = cursor
        write(:warn, "#{missed} events came too fast to be logged", subject: :events) if missed.positive?
        found.each { |name, time, payload| log(Event.new(name, payload, @client, Time.at(time))) }
      end

      def log(event)
        @lock.synchronize do
          @reminder.begin(Client.now) if LOSSES.include?(event.name)
          @reminder.end if GAINS.include?(event.name)
        end
        line = Messages.of(event.name, event.payload) or return
        type = EventType[event.name]
        write(type.level(event.payload), line, subject: type.subject)
      end

      def write_due
        now = Client.now
        released, reminded = @lock.synchronize do
          [@throttles.each_value.filter_map { |throttle| throttle.release(now) },
           (@reminder.since if @reminder.due?(now))]
        end
        released.each { |(level, line), others| put(level, line, others) }
        remind(now - reminded) if reminded
      end

      def remind(seconds)
        status = @client.native_status
        return stopped if status[:state] == :stopped

        age = status[:age]
        known = { revision: status[:revision], keys: status[:size], error: status[:last_error] }
        level = age.nil? || age > @client.config.max_staleness ? :error : :warn
        put(level, Messages.reminder(seconds, age, known))
      end

      def due
        now = Client.now
        [*@throttles.each_value, @reminder].filter_map { |part| part.due(now) }.min
      end

      def put(level, line, others = 0)
        line += " (similar lines that were not logged: #{others})" if others.positive?
        self.class.write(@logger, level, line)
      end
    end
  end
end
