# frozen_string_literal: true

require "io/wait" # IO#wait_readable is not in the core before Ruby 3.2

module EtcdDiscovery
  # The one Ruby thread of a process that tells subscribers what has changed. It begins with the first
  # subscription, and again in a forked child.
  #
  # @api private
  module Dispatcher
    @subscriptions = []
    @lock = Mutex.new

    class << self
      def add(subscription)
        @lock.synchronize { @subscriptions += [subscription] }
        revive
        subscription.listen(@bell)
        # For what it wants to be told now, and for what changed before the bell was hung.
        @bell.ring
      end

      def remove(subscription)
        @lock.synchronize { @subscriptions -= [subscription] }
      end

      # Has the subscriptions of one client go on with another.
      def move(former, client)
        moved = @subscriptions.select { |subscription| subscription.move(former, client) }
        return if moved.empty?

        revive
        moved.each { |subscription| subscription.listen(@bell) }
        @bell.ring
      end

      # Starts the thread if this process should have it and has not.
      def revive
        return if @subscriptions.empty? || running?

        @lock.synchronize { start unless running? }
      rescue ThreadError
        # Forked in a signal handler, where no lock may be taken: a thread of its own may.
        Thread.new { revive }
      end

      private

      def start
        bell = Bell.new
        @subscriptions.each { |subscription| subscription.listen(bell) }
        @bell = bell
        @thread = Thread.new { deliver_on(bell) }
        @thread.name = "etcd_discovery changes"
        bell.ring # what changed around a fork is told too
      end

      # A bell is mute in every process but its own.
      def running?
        @thread&.alive? && @bell.descriptor
      end

      def deliver_on(bell)
        ear = IO.for_fd(bell.descriptor, autoclose: false)
        while bell.descriptor # else a block has forked, and this is its child
          ear.wait_readable
          bell.hush
          @subscriptions.each(&:deliver)
        end
      end
    end
  end
end
