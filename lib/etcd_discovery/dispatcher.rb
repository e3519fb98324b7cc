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
    @attendant = Attendant.new(
      "etcd_discovery changes",
      hang: ->(bell) { listen(bell) }, lost: -> { Observation::Observer.ring }
    ) { deliver }
    @asked = @told = 0
    @done = ConditionVariable.new

    class << self
      # @raise [ResourceExhaustedError] when there can be no thread; then nothing is subscribed
      def add(subscription)
        client = subscription.client
        enter(client, [subscription])
        revive
        subscription.listen(@attendant.bell)
        # For what it wants to be told now, and for what changed before the bell was hung.
        ring
      rescue Error
        remove(subscription)
        raise
      end

      def remove(subscription)
        @lock.synchronize { subscription.client.subscriptions -= [subscription] }
      end

      # Has the subscriptions of one client go on with another.
      def move(former, client)
        moved = former.subscriptions.select { |subscription| subscription.move(former, client) }
        return if moved.empty?

        @lock.synchronize { former.subscriptions -= moved }
        enter(client, moved.reject(&:cancelled?))
        revive
        moved.each { |subscription| subscription.listen(@attendant.bell) }
        ring
      end

      # Starts the thread if this process should have it and has not.
      def revive
        @attendant.revive if any?
      end

      # Whether there is a block to call.
      def any? = subscriptions.any?

      def ring
        @attendant.ring
      end

      # Waits until every subscriber has been told of what there is now.
      #
      # @return [Boolean] whether it came to that within `timeout` seconds
      def settle(timeout)
        return true if !any? || @attendant.current?

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

      def enter(client, subscriptions)
        @lock.synchronize { client.subscriptions += subscriptions }
        @clients << client
      end

      def subscriptions = @clients.to_a.flat_map(&:subscriptions)

      def listen(bell)
        subscriptions.each { |subscription| subscription.listen(bell) }
      end

      def deliver
        round = @asked
        subscriptions.each(&:deliver)
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
