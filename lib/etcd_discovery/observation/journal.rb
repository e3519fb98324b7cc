# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # Writes the log of one client in one process: a line for each event that has one, limited where they
    # repeat, and a reminder while there is no contact.
    class Journal
      # Events that begin and end a time without contact.
      LOSSES = %i[disconnect denied].freeze
      GAINS = %i[connect reconnect].freeze

      def initialize(config)
        @logger = config.logger
        @limit = config.max_staleness
        @throttles = {}
        @reminder = Reminder.new
      end

      def tell(event, now)
        remember(event, now)
        line = Lines.of(event.name, event.payload) or return

        type = EventType[event.name]
        level = type.level(event.payload)
        others = throttle(type.subject).pass([level, line], now)
        write(level, line, others) if others
      end

      # What was held back comes when it is due; so does the reminder.
      def look(account, now)
        @reminder.end if account[:state] == :stopped
        @throttles.each_value do |throttle|
          (level, line), others = throttle.release(now)
          write(level, line, others) if line
        end
        remind(account, now) if @reminder.due?(now)
      end

      # Something that is no event, and that nobody can repeat often.
      def warn(line)
        write(:warn, line)
      end

      # @return [Numeric, nil] seconds until a line is due
      def due(now)
        return unless @logger

        [*@throttles.each_value, @reminder].filter_map { |part| part.due(now) }.min
      end

      private

      def remember(event, now)
        @reminder.begin(now) if LOSSES.include?(event.name)
        @reminder.end if GAINS.include?(event.name)
      end

      def throttle(subject)
        @throttles[subject] ||= Throttle.new
      end

      def remind(account, now)
        age = account[:age]
        known = { revision: account[:revision], keys: account[:size], error: account[:last_error] }
        level = age.nil? || age > @limit ? :error : :warn
        write(level, Lines.reminder(now - @reminder.since, age, known))
      end

      def write(level, line, others = 0)
        more = others.positive? ? " (#{others} more about this were not logged)" : ""
        Log.write(@logger, level, "etcd_discovery[#{Process.pid}]: #{line}#{more}")
      end
    end
  end
end
