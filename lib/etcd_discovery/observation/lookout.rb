# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # Finds the events of one client in one process: each part compares the client's account of itself with
    # what it was at the last look. What happened several times in between is told once, with a count.
    class Lookout
      # @param inherited [Boolean] whether this process is a fork of one that was looked after
      def initialize(client, inherited: false)
        @client = client
        @pid = Process.pid
        @inbox = Mailbox.new
        # In this order they are told of one look.
        config = client.config
        @parts = [Contact.new(inherited, config.backoff_cap), Counters.new,
                  Freshness.new(config.max_staleness), Registrations.new]
        @journal = Journal.new(config)
      end

      # @return [Boolean] whether this process made it
      def own?
        @pid == Process.pid
      end

      # Takes what no comparison would find. Usable in a signal handler.
      def note(name, payload)
        @inbox << [name, payload]
      end

      # @return [Numeric, nil] seconds after which to look again, come what may
      def look
        account, now = take_stock
        @client.send(:report_cache_error, account[:cache_error])
        found = @parts.flat_map { |part| part.look(account, now) }
        [*found, *noted].each { |name, payload| tell(name, payload, now) }
        @journal.look(account, now)
        [*@parts, @journal].filter_map { |watcher| watcher.due(now) }.min
      end

      # Takes things as they are, and tells nobody.
      def overlook
        account, now = take_stock
        @parts.each { |part| part.look(account, now) }
      end

      private

      def take_stock
        [@client.send(:native_status).merge(registrations: @client.registrations.to_a), Clock.now]
      end

      def noted
        noted, dropped = @inbox.empty_out
        @journal.warn("#{dropped} events came too fast to be told of") if dropped.positive?
        noted
      end

      def tell(name, payload, now)
        event = Event.new(name, payload, @client)
        @client.send(:audience).tell(event)
        @journal.tell(event, now)
      end
    end
  end
end
