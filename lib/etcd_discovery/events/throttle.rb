# frozen_string_literal: true

module EtcdDiscovery
  # The receivers of events besides subscribers' blocks: log lines, and ActiveSupport's notifications.
  #
  # @api private
  module Events
    # Limits the lines about one subject: the first ones pass at once, later ones more and more rarely.
    #
    # A line that is held back passes when its time comes, so the last line about a subject is always current.
    # Pure: the caller gives the time.
    #
    # @api private
    class Throttle
      # How many lines pass at once.
      BURST = 6
      # Seconds until the next line after those; doubled after each.
      FIRST_GAP = 10
      LONGEST_GAP = 3_600
      # Seconds without a line after which the limit starts over.
      QUIET = 600

      def initialize
        @passed = 0
        @last = @heard = -Float::INFINITY
        @held_back = 0
      end

      # @return [Integer, nil] how many lines were held back before this one; `nil` to hold it back
      def pass(item, now)
        @passed = 0 if now - @heard > [QUIET, gap].max
        @heard = now
        return let_through(now) if now >= @last + gap

        @held = item
        @held_back += 1
        nil
      end

      # @return [Array, nil] the last line held back and how many others were, if its time has come
      def release(now)
        return if @held.nil? || now < @last + gap

        item = @held
        [item, let_through(now) - 1]
      end

      # @return [Numeric, nil] seconds until a line that is held back is due
      def due(now)
        [@last + gap - now, 0].max if @held
      end

      private

      def let_through(now)
        others = @held_back
        @held = nil
        @held_back = 0
        @passed += 1
        @last = now
        others
      end

      def gap
        return 0 if @passed < BURST

        [FIRST_GAP * (2**(@passed - BURST)), LONGEST_GAP].min
      end
    end
  end
end
