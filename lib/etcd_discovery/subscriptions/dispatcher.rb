# frozen_string_literal: true

module EtcdDiscovery
  # The one Ruby thread of a process that calls the blocks of subscribers.
  #
  # It starts with the first subscription, and again in a forked child. A client holds its subscriptions, and
  # the dispatcher holds the clients weakly. So a client created in code that Rails has reloaded can be
  # collected together with its blocks.
  #
  # @api private
  module Dispatcher
    @clients = WeakList.new
    @lock = Mutex.new
    # A block may end the thread. The log thread then starts it again.
    @thread = BackgroundThread.new(
      "etcd_discovery changes",
      register: ->(waker) { listen(waker) }, lost: -> { Events::LogThread.wake }
    ) { deliver }
    @asked = @finished = 0
    @done = ConditionVariable.new

    class << self
      # @param subscription [Subscription, EventSubscription]
      # @raise [ResourceExhaustedError] when no thread can be started; then nothing is subscribed
      def add(subscription)
        Lock.soon do
          subscription.enlist
          attend(subscription.client)
        end
      rescue Error
        remove(subscription)
        raise
      end

      def remove(subscription)
        Lock.soon { subscription.withdraw }
      end

      # Moves the subscriptions of one client to another.
      def move(former, client)
        changes = client.change_feed.take_over(former.change_feed)
        events = former.event_subscriptions.keys.select { |subscription| subscription.move(former, client) }
        return unless changes || events.any?

        if changes
          # Perhaps no one has read from the new client yet.
          client.native_start
          client.observe
        end
        attend(client)
      end

      # Starts the thread if this process should have it and does not.
      def revive
        @thread.revive if any?
      end

      # Whether there is a block to call.
      def any? = @clients.to_a.any?(&:subscriptions?)

      def wake
        @thread.wake
      end

      # Waits until every subscriber has received the current state.
      #
      # @return [Boolean] whether that happened within `timeout` seconds
      def settle(timeout)
        raise SignalHandlerError if Lock.in_signal_handler?
        return true if !any? || @thread.current?

        revive
        deadline = Client.now + timeout
        @lock.synchronize do
          round = @asked += 1
          wake
          @done.wait(@lock, deadline - Client.now) while @finished < round && Client.now < deadline
          @finished >= round
        end
      end

      private

      # Makes the thread call the blocks of this client too.
      def attend(client)
        @clients << client
        revive
        waker = @thread.waker
        client.listen(waker) if waker
        # For subscribers that want the current state now, and for changes before the waker was registered.
        wake
      end

      def listen(waker)
        @clients.to_a.each do |client|
          client.forget_what_the_parent_delivers
          client.listen(waker)
        end
      end

      def deliver
        round = @asked
        @clients.each do |client|
          client.deliver
          # A block may have forked. Then this is a child, which has its own thread.
          return nil unless @thread.current?
        end
        finish(round) if round > @finished # someone waits for it
        nil # until the next wake
      end

      def finish(round)
        @lock.synchronize do
          @finished = round
          @done.broadcast
        end
      end
    end
  end
end
