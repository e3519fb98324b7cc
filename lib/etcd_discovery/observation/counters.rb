# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # What the client counts: `relist` and `reset`.
    class Counters
      EVENTS = { resets: :reset, relists: :relist }.freeze

      def initialize
        @told = EVENTS.transform_values { 0 }
      end

      def look(account, _now)
        EVENTS.filter_map do |field, event|
          # A client that was stopped, or had to restart itself, counts from the beginning.
          before = [@told[field], account[field]].min
          count = account[field] - before
          @told[field] = account[field]
          [event, { count:, revision: account[:revision], keys: account[:size] }] if count.positive?
        end
      end

      def due(_now)
        nil
      end
    end
  end
end
