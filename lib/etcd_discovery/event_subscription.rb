# frozen_string_literal: true

module EtcdDiscovery
  # The result of {Client#subscribe}; ends the subscription.
  #
  # @example
  #   subscription = EtcdDiscovery.subscribe(:reconnect) { |event| count(event[:count]) }
  #   subscription.cancel
  class EventSubscription
    include SafeCallback
    include ProcessBound

    NOTHING = [].freeze
    private_constant :NOTHING

    # @return [Array<Symbol>] the names of the events it receives
    attr_reader :names
    # @api private
    attr_reader :client

    # @api private
    # @param origin [Integer, nil] receives only the events of one {Service} object
    def initialize(client, names, block, origin: nil)
      @client = client
      @names = names
      @block = block
      @origin = origin
      @pending = []
      @pid = Process.pid
      @cancelled = false
      @lock = Lock.new
      # A subscription receives nothing that happened before it.
      @cursor = read(nil).first
    end

    # Ends the subscription. The block is not called again; a call that is running finishes.
    #
    # @return [void]
    def cancel
      @cancelled = true
      # A thread that is about to subscribe to changes finishes first.
      Lock.soon { @lock.synchronize { @changes }&.cancel }
      Dispatcher.remove(self)
    end

    # @return [Boolean] whether it was cancelled
    def cancelled?
      @cancelled
    end

    # Changes are not queued like events: a slow block receives the latest state instead. They are found by
    # comparing snapshots, so they start with the first one.
    #
    # @api private
    def follow_changes
      return unless names.include?(:change)

      Lock.soon { @lock.synchronize { @changes ||= begin_changes unless @cancelled } }
    end

    # Continues with the client that replaces this one's client.
    #
    # @api private
    # @return [Boolean] whether it belonged to the former
    def move(former, client)
      # The instances of a service belong to one client.
      return false unless @client.equal?(former) && @origin.nil?

      @lock.synchronize do
        withdraw
        take(*read(@cursor))
        @client = client
        @cursor = 0
      end
      enlist
      true
    end

    # @api private
    def enlist
      @client.event_subscriptions[self] = true
      # A client that has been replaced meanwhile holds no subscriptions.
      successor = @client.change_feed.successor
      move(@client, successor) if successor
    end

    # @api private
    def withdraw = @client.event_subscriptions.delete(self)

    # In a forked child: events queued before the fork are delivered by the parent only.
    #
    # @api private
    def forget_what_the_parent_delivers
      start_over unless @pid == Process.pid
    end

    # @api private
    def deliver
      # Reads more only when nothing waits here, so that this queue is as bounded as the ring.
      missed = @pending.empty? ? catch_up : 0
      report_missed(missed) if missed.positive?
      # Takes one event at a time: if a block ends the thread, the next call continues with the next event.
      while !@cancelled && (event = @pending.shift)
        tell(event)
      end
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{names.join(' ')}#{' cancelled' if cancelled?}>"
    end

    private

    def block_name = @origin ? "the block of on_event" : "the block of subscribe"

    def occasion(event) = event.name

    def to_json_safe = { names:, cancelled: cancelled? }

    # Also called at each change, so it costs next to nothing if there are no new events.
    def read(cursor) = @client.native_drain(cursor) || [cursor, 0, NOTHING]

    # @return [Integer] how many were missed
    def catch_up
      start_over unless @pid == Process.pid
      @lock.synchronize { take(*read(@cursor)) }
    end

    def take(cursor, missed, found)
      @cursor = cursor
      found.each do |name, time, payload, origin|
        @pending << Event.new(name, payload, @client, Time.at(time)) if wanted?(name, origin)
      end
      missed
    end

    def wanted?(name, origin)
      names.include?(name) && (@origin.nil? || @origin == origin)
    end

    def start_over
      @pid = Process.pid
      @cursor = 0
      @pending = []
      @lock = Lock.new
    end

    def begin_changes
      changes = Subscription.new(@client, nil, @client.native_snapshot, method(:tell_change))
      Dispatcher.add(changes)
      changes
    end

    # The payload leaves out the values, which may be secrets and would end up in tools. Only the `Change` has
    # them.
    def tell_change(change)
      payload = { key: change.key, type: change.type, revision: change.revision, change: }
      tell(Event.new(:change, payload, @client))
    end

    def report_missed(count)
      @client.event_log.write(:warn, "the blocks of subscribers are too slow: #{count} events were dropped",
                              subject: :callback)
    end
  end
end
