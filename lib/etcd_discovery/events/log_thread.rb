# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # The Ruby thread of a process that writes the log.
    #
    # It calls no block of the application, so a block that hangs (most likely in an outage) does not silence
    # the log. It restarts the thread that calls blocks if a block has ended that one. It sleeps through
    # changes of keys and wakes when something happens to a client, or a line is due.
    #
    # @api private
    module LogThread
      # Weak, so that an otherwise unused client can be collected.
      @clients = WeakList.new
      @thread = BackgroundThread.new("etcd_discovery log", register: ->(waker) { register(waker) }) { look }

      class << self
        def add(client)
          @clients << client
          revive
          waker = @thread.waker
          client.native_observe(waker) if waker
          # Something may have happened before the waker was registered.
          wake
        end

        # Starts the thread if this process should have it and does not.
        def revive
          @thread.revive if @clients.to_a.any?
        end

        def wake
          @thread.wake
        end

        private

        def register(waker)
          @clients.to_a.each { |client| client.native_observe(waker) }
        end

        def look
          Dispatcher.revive
          pause = nil
          @clients.each { |client| pause = [pause, client.catch_up_with_events].compact.min }
          pause
        end
      end
    end
  end
end
