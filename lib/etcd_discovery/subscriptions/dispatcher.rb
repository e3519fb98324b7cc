# frozen_string_literal: true

module EtcdDiscovery
  # The one Ruby thread of a process that calls the blocks of subscribers. It begins with the first
  # subscription, and again in a forked child.
  #
  # A client holds its subscriptions, and this knows the clients only for as long as somebody else needs them:
  # one that was made in code that Rails has reloaded goes, and its blocks with it.
  #
  # @api private
  module Dispatcher
    @clients = WeakList.new
    @lock = Mutex.new
    # A block may end the thread. The other one of this gem then starts it again.
    @thread = BackgroundThread.new(
      "etcd_discovery changes",
      hang: ->(bell) { listen(bell) }, lost: -> { Events::LogThread.ring }
    ) { deliver }
    @asked = @told = 0
    @done = ConditionVariable.new

    class << self
      # @param subscription [Subscription, EventSubscription]
      # @raise [ResourceExhaustedError] when there can be no thread; then nothing is subscribed
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

      # Has the subscriptions of one client go on with another.
      def move(former, client)
        changes = client.change_feed.take_over(former.change_feed)
        events = former.event_subscriptions.keys.select { |subscription| subscription.move(former, client) }
        return unless changes || events.any?

        if changes
          # Nobody may have read from the new client yet.
          client.native_start
          client.observe
        end
        attend(client)
      end

      # Starts the thread if this process should have it and has not.
      def revive
        @thread.revive if any?
      end

      # Whether there is a block to call.
      def any? = @clients.to_a.any?(&:subscriptions?)

      def ring
        @thread.ring
      end

      # Waits until every subscriber has been told of what there is now.
      #
      # @return [Boolean] whether it came to that within `timeout` seconds
      def settle(timeout)
        raise SignalHandlerError if Lock.in_signal_handler?
        return true if !any? || @thread.current?

        revive
        deadline = Client.now + timeout
        @lock.synchronize do
          round = @asked += 1
          ring
          @done.wait(@lock, deadline - Client.now) while @told < round && Client.now < deadline
          @told >= round
        end
      end

      private

      # Has the thread call the blocks of a client too.
      def attend(client)
        @clients << client
        revive
        bell = @thread.bell
        client.listen(bell) if bell
        # For what somebody wants to be told now, and for what changed before the bell was hung.
        ring
      end

      def listen(bell)
        @clients.to_a.each do |client|
          client.forget_what_the_parent_delivers
          client.listen(bell)
        end
      end

      def deliver
        round = @asked
        @clients.to_a.each do |client|
          # A block may have forked: then this is a child, which has a thread of its own.
          client.deliver if @thread.current?
        end
        finish(round)
        nil # until the next ring
      end

      def finish(round)
        @lock.synchronize do
          @told = round
          @done.broadcast
        end
      end
    end
  end
end
