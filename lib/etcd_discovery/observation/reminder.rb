# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # When to say once more that there is no contact: a minute after it was lost, and each time after twice as
    # long, up to an hour. Whoever opens the log finds what is going on, and the disk does not fill.
    class Reminder
      FIRST = 60
      LONGEST = 3_600

      # @return [Float, nil] since when there is no contact
      attr_reader :since

      def begin(now)
        return if since

        @since = now
        @pause = FIRST
        @next = now + FIRST
      end

      def end
        @since = @next = nil
      end

      # @return [Boolean] whether it is time; asked once
      def due?(now)
        return false unless @next && now >= @next

        @pause = [@pause * 2, LONGEST].min
        @next = now + @pause
        true
      end

      # @return [Numeric, nil] seconds until it is time
      def due(now)
        [@next - now, 0].max if @next
      end
    end
  end
end
