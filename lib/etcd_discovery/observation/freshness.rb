# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # How old the data is: `stale` and `fresh`. Data that was never confirmed counts from the start.
    class Freshness
      # Seconds by which a timer may be early.
      GRAIN = 0.005

      def initialize(limit)
        @limit = limit
        @stale = false
      end

      def look(account, now)
        return forget if account[:state] == :stopped

        @begun ||= now
        # What was never confirmed is as old as the wait for it.
        @age = account[:age] || (now - @begun)
        if @age > @limit
          @stale ? [] : begin_to_be_stale(account, now)
        else
          @stale ? end_to_be_stale(account, now) : []
        end
      end

      # While the data is stale, the client says when that is over; should it have been seen in between, the
      # next look finds it.
      def due(_now)
        return unless @age

        @stale ? @limit : @limit - @age + GRAIN
      end

      private

      def forget
        @begun = @age = nil
        @stale = false
        []
      end

      def begin_to_be_stale(account, now)
        @stale = true
        @since = now
        [[:stale, { age: @age, max_staleness: @limit, state: account[:state], revision: account[:revision],
                    keys: account[:size], error: account[:last_error] }]]
      end

      def end_to_be_stale(account, now)
        @stale = false
        [[:fresh, { age: @age, after: now - @since, revision: account[:revision], keys: account[:size] }]]
      end
    end
  end
end
