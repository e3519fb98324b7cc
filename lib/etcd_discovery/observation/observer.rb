# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # The Ruby thread of a process that looks after its clients: it finds events by comparing, writes the log,
    # and hands events to the thread that calls the blocks of subscribers. It calls no such block itself, so
    # that one which hangs, in an outage of all times, cannot keep the log silent.
    #
    # It sleeps through changes of keys. It wakes when a client's state changes, and when data may have grown
    # stale: once in about `max_staleness` while all is well.
    module Observer
      # A client that nobody needs any more may go.
      @clients = WeakList.new
      @attendant = Attendant.new("etcd_discovery observer", hang: ->(bell) { hang(bell) }) { look }

      class << self
        def add(client)
          @clients << client
          revive
          bell = @attendant.bell
          client.send(:observed_by, bell) if bell
          ring
        end

        # Starts the thread if this process should have it and has not.
        def revive
          @attendant.revive if @clients.to_a.any?
        end

        def ring
          @attendant.ring
        end

        private

        def hang(bell)
          @clients.to_a.each { |client| client.send(:observed_by, bell) }
        end

        def look
          Dispatcher.revive
          @clients.to_a.filter_map { |client| client.send(:look) }.min
        end
      end
    end
  end
end
