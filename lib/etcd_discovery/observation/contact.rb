# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # Whether etcd is followed: `connect`, `disconnect`, `denied` and `reconnect`.
    class Contact
      # @param next_attempt [Numeric] seconds within which it is tried again
      def initialize(inherited, next_attempt)
        @inherited = inherited
        @next_attempt = next_attempt
        forget
      end

      def look(account, now)
        @since ||= now
        @endpoint = account[:endpoint] || @endpoint
        case account[:state]
        when :stopped then forget
        when :watching then arrived(account, now)
        when :denied then refused(account, now)
        when :backoff, :connecting then lost(account, now)
        else []
        end
      end

      def due(_now)
        nil
      end

      private

      def forget
        @since = nil
        @met = @following = @away = @refused = false
        @reconnects = 0
        @endpoint = nil
        []
      end

      def arrived(account, now)
        count = account[:reconnects] - @reconnects
        after = away_for(now)
        event = if !@met then [:connect, found(account, inherited: @inherited, after: after || 0.0)]
                elsif !@following || count.positive?
                  [:reconnect, found(account, count: [count, 1].max, after:)]
                end
        @reconnects = account[:reconnects]
        @met = @following = true
        @away = @refused = false
        [event].compact
      end

      def refused(account, now)
        left(now)
        return [] if @refused

        @refused = true
        [[:denied, served(account).merge(error: account[:last_error])]]
      end

      def lost(account, now)
        # The first attempt is no loss yet; but the watch may be given up for a new token, without a pause.
        return [] if @away || (account[:state] == :connecting && !@following)

        left(now)
        [[:disconnect, served(account).merge(error: account[:last_error], endpoint: @endpoint,
                                             next_attempt: @next_attempt)]]
      end

      def left(now)
        @since = now unless @away
        @away = true
        @following = false
      end

      def away_for(now)
        now - @since if @away
      end

      def found(account, **more)
        account.slice(:endpoint, :server_version).merge(served(account), more)
      end

      def served(account)
        { revision: account[:revision], keys: account[:size] }
      end
    end
  end
end
