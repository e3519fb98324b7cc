# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # What the client counts: `relist`, `reset` and `divergence`.
    class Counters
      EVENTS = { resets: :reset, relists: :relist, divergences: :divergence }.freeze

      def initialize
        @told = EVENTS.transform_values { 0 }
      end

      def look(account, _now)
        EVENTS.filter_map do |field, event|
          # A client that was stopped, or had to restart itself, counts from the beginning.
          before = [@told[field], account[field]].min
          count = account[field] - before
          @told[field] = account[field]
          [event, { count:, **found(event, account) }] if count.positive?
        end
      end

      def due(_now)
        nil
      end

      private

      def found(event, account)
        copy = { revision: account[:revision], keys: account[:size] }
        event == :divergence ? copy.merge(error: account[:last_error]) : copy
      end
    end
  end
end
