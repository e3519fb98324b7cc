# frozen_string_literal: true

module EtcdDiscovery
  # What {Client#subscribe} gives: the means to end it.
  #
  # @example
  #   subscription = EtcdDiscovery.subscribe(:reconnect) { |event| count(event[:count]) }
  #   subscription.cancel
  class EventSubscription
    include Telling
    include ProcessBound

    # @return [Array<Symbol>] the events that it is told of
    attr_reader :names
    # @api private
    attr_reader :client

    # @api private
    def initialize(client, names, block)
      @client = client
      @names = names
      @block = block
      @mailbox = Mailbox.new
      @pending = []
      @pid = Process.pid
      @cancelled = false
      @lock = Lock.new
    end

    # Ends the subscription: no call of the block begins after this, and one that runs goes on to its end.
    #
    # @return [void]
    def cancel
      @cancelled = true
      @client.send(:audience).delete(self)
      # After whoever is about to begin them.
      Lock.soon { @lock.synchronize { @changes }&.cancel }
      Dispatcher.remove(self)
    end

    # @return [Boolean] whether it was cancelled
    def cancelled?
      @cancelled
    end

    # Takes an event, to tell the block of it later. Never waits for a block.
    #
    # @api private
    def offer(event)
      return unless names.include?(event.name)

      @mailbox << event
      Dispatcher.ring
    end

    # Changes are no events to be queued: a slow block is told of the newest state instead. They are found by
    # comparing snapshots, and so begin when there is a first one.
    #
    # @api private
    def follow_changes
      return unless names.include?(:change)

      Lock.soon { @lock.synchronize { @changes ||= begin_changes unless @cancelled } }
    end

    # Goes on with the client that takes the place of its own.
    #
    # @api private
    # @return [Boolean] whether it was a subscription of the former
    def move(former, client)
      return false unless @client.equal?(former)

      withdraw
      former.send(:audience).delete(self)
      @client = client
      client.send(:audience) << self
      enlist
      true
    end

    # @api private
    def enlist
      @client.event_subscriptions[self] = true
      # A client that has been replaced meanwhile has none any more.
      successor = @client.change_feed.successor
      move(@client, successor) if successor
    end

    # @api private
    def withdraw = @client.event_subscriptions.delete(self)

    # In a forked child: what the parent has not told yet, the parent will.
    #
    # @api private
    def forget_what_the_parent_delivers
      return if @pid == Process.pid

      @mailbox = Mailbox.new
      @pending = []
      @pid = Process.pid
    end

    # @api private
    def deliver
      return if @mailbox.empty? && @pending.empty?

      events, dropped = @mailbox.empty_out
      report_dropped(dropped) if dropped.positive?
      @pending += events
      # One by one: where a block ends the thread, the next call goes on with the next event.
      while !@cancelled && (event = @pending.shift)
        tell("the block of subscribe", event.name, event)
      end
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{names.join(' ')}#{' cancelled' if cancelled?}>"
    end

    private

    def to_printable = { names:, cancelled: cancelled? }

    def begin_changes
      changes = Subscription.new(@client, nil, @client.send(:native_snapshot), method(:tell_change))
      Dispatcher.add(changes)
      changes
    end

    # The values may be secrets, and payloads end up in tools that show them: they are only in the `Change`.
    def tell_change(change)
      payload = { key: change.key, type: change.type, revision: change.revision, change: }
      tell("the block of subscribe", :change, Event.new(:change, payload, @client))
    end

    def report_dropped(count)
      Log.write(@client.config.logger, :warn,
                "etcd_discovery: the blocks of subscribers are too slow: #{count} events were not told")
    end
  end
end
