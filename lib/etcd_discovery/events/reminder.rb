# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # Decides when to log again that the client is disconnected.
    #
    # A minute after the loss, then after twice as long each time, up to an hour. So a reader of the log sees
    # the current state, and the disk does not fill.
    #
    # @api private
    class Reminder
      FIRST = 60
      LONGEST = 3_600

      # @return [Float, nil] when the client was disconnected
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

      # @return [Boolean] whether it is time; true once per reminder
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
