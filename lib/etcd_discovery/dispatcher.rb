# frozen_string_literal: true

module EtcdDiscovery
  # The one Ruby thread of a process that calls the blocks of subscribers. It begins with the first
  # subscription, and again in a forked child.
  #
  # @api private
  module Dispatcher
    @subscriptions = []
    @lock = Mutex.new
    @attendant = Attendant.new("etcd_discovery changes", hang: ->(bell) { listen(bell) }) { deliver }
    @asked = @told = 0
    @done = ConditionVariable.new

    class << self
      def add(subscription)
        @lock.synchronize { @subscriptions += [subscription] }
        revive
        subscription.listen(@attendant.bell)
        # For what it wants to be told now, and for what changed before the bell was hung.
        ring
      end

      def remove(subscription)
        @lock.synchronize { @subscriptions -= [subscription] }
      end

      # Has the subscriptions of one client go on with another.
      def move(former, client)
        moved = @subscriptions.select { |subscription| subscription.move(former, client) }
        return if moved.empty?

        revive
        moved.each { |subscription| subscription.listen(@attendant.bell) }
        ring
      end

      # Starts the thread if this process should have it and has not.
      def revive
        @attendant.revive unless @subscriptions.empty?
      end

      def ring
        @attendant.ring
      end

      # Waits until every subscriber has been told of what there is now.
      #
      # @return [Boolean] whether it came to that within `timeout` seconds
      def settle(timeout)
        return true if @subscriptions.empty? || @attendant.current?

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

      def listen(bell)
        @subscriptions.each { |subscription| subscription.listen(bell) }
      end

      def deliver
        round = @asked
        @subscriptions.each(&:deliver)
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
