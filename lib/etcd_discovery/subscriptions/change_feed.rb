# frozen_string_literal: true

module EtcdDiscovery
  # Delivers the changes of one client to its subscriptions.
  #
  # All subscriptions have received the same snapshot. So one comparison with the current snapshot serves all,
  # and an index finds the subscriptions for each changed key. A change costs only what it matches, however
  # many others subscribe. Only a new subscription is compared separately, once, because it knows another
  # snapshot or none.
  #
  # {Dispatcher} calls {#deliver} on its thread. The other methods may be called on any thread.
  #
  # @api private
  class ChangeFeed
    # @param client [Client]
    def initialize(client)
      @client = client
      @lock = Lock.new
      @index = SubscriptionIndex.new
      # New subscriptions, with their numbers.
      @newcomers = {}.compare_by_identity
      # Changes still to deliver: pairs of subscription and change.
      @due = []
      @count = 0
      @pid = Process.pid
      @succession = Succession.new(client)
    end

    # Clients that replaced one another; the last of them has their subscriptions. They share this object, so
    # that none leads to the next. The collector may take what is left on a stack for a reference to the
    # first, and would then keep them all.
    Succession = Struct.new(:last)
    private_constant :Succession

    # @return [Client, nil] the client that replaced this one's client
    def successor = @succession.last.equal?(@client) ? nil : @succession.last

    # Whether there is a block to call.
    def any? = subscribed? || !@due.empty?

    # Whether there is a subscription to changes.
    def subscribed? = !(@index.empty? && @newcomers.empty?)

    def add(subscription)
      successor = @lock.synchronize do
        self.successor.tap { |other| @newcomers[subscription] = (@count += 1) unless other }
      end
      return unless successor

      subscription.move(successor, subscription.since)
      successor.change_feed.add(subscription)
    end

    def remove(subscription)
      @lock.synchronize do
        @newcomers.delete(subscription) || @index.delete(subscription.scope, subscription)
      end
    end

    # Takes over the subscriptions of a client that this one replaces.
    #
    # @return [Boolean] whether there were any
    def take_over(former)
      moved = former.give_up(@client)
      @succession = former.succession
      moved.each do |subscription, delivered|
        subscription.move(@client, delivered)
        add(subscription)
      end
      moved.any?
    end

    # Delivers what changed since the last delivery. Several changes of one key are delivered as one.
    def deliver
      find_changes
      due = @due
      # Takes one change at a time: if a block ends the thread, the next call continues with the next change.
      while (call = due.shift)
        subscription, change = call
        subscription.tell_change(change)
      end
    end

    # In a forked child: drops changes found before the fork, which the parent delivers.
    def forget_what_the_parent_delivers
      return if @pid == Process.pid

      @pid = Process.pid
      # A block that has forked returns into the loop over these.
      @due.clear
      @due = []
    end

    protected

    attr_reader :succession

    # @param client [Client] takes all later subscriptions
    # @return [Array<Array(Subscription, Snapshot)>] all of them in order, with the snapshot that each has
    #   received; this client delivers nothing more to them
    def give_up(client)
      @lock.synchronize do
        @succession.last = client
        delivered, pairs = @index.take
        given = pairs.map { |subscription, number| [number, subscription, delivered] }
        @newcomers.each { |newcomer, number| given << [number, newcomer, newcomer.since] }
        @newcomers.clear
        given.sort_by(&:first).map { |given_up| given_up.drop(1) }
      end
    end

    private

    def find_changes
      # Before the snapshot: it must not be older than what they know.
      newcomers = @newcomers.keys unless @newcomers.empty?
      @client.native_collect_due(@index, Change, @due)
      welcome(newcomers) if newcomers && @client.ready? # the first snapshot wakes it
    rescue Error => e
      @client.event_log.write(:error, "could not look for changes: #{e.class}: #{e.message}",
                              subject: :changes)
    end

    def welcome(newcomers)
      current = @index.delivered || @client.native_snapshot
      begun = newcomers.map { |newcomer| [newcomer, newcomer.changes_until(current)] }
      @lock.synchronize do
        # They have subscribed later than all others.
        begun.each { |newcomer, changes| join(newcomer, changes) }
        @index.delivered = current unless @index.empty?
      end
    end

    def join(newcomer, changes)
      number = @newcomers.delete(newcomer) or return # cancelled meanwhile, or continues with another client
      @index.add(newcomer.scope, newcomer, number)
      newcomer.forget_beginning
      changes.each { |change| @due << [newcomer, change] }
    end
  end
end
