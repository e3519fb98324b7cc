# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # Lets the first lines about a subject through at once, and then fewer and fewer: never silence, and never
    # a full disk. What is held back last comes through when its time is due, so that the last line about a
    # subject is always true. Pure: the time is given.
    class Throttle
      # Lines that pass at once.
      BURST = 6
      # Seconds to the next line after those; twice as many after each.
      FIRST_GAP = 10
      LONGEST_GAP = 3_600
      # Seconds without anything to say, after which all is as at first.
      QUIET = 600

      def initialize
        @passed = 0
        @last = @heard = -Float::INFINITY
        @held_back = 0
      end

      # @return [Integer, nil] how many were held back before this one; `nil` to hold it back
      def pass(item, now)
        @passed = 0 if now - @heard > [QUIET, gap].max
        @heard = now
        return let_through(now) if now >= @last + gap

        @held = item
        @held_back += 1
        nil
      end

      # @return [Array, nil] what was held back last and how many others were, if it is its time
      def release(now)
        return if @held.nil? || now < @last + gap

        item = @held
        [item, let_through(now) - 1]
      end

      # @return [Numeric, nil] seconds until something held back is due
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
