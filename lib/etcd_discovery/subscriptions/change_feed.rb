# frozen_string_literal: true

module EtcdDiscovery
  # The changes of one client, on their way to its subscriptions.
  #
  # All subscriptions have been told of the same snapshot. One comparison with the current snapshot serves
  # them all, and an index finds the ones that a changed key concerns: a change costs what it matches, however
  # many others subscribe. Only a new subscription is compared by itself, once, as it knows another snapshot,
  # or none.
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
      # With their numbers.
      @newcomers = {}.compare_by_identity
      # What is still to be told: subscriptions, each with its changes.
      @due = []
      @count = 0
      @pid = Process.pid
    end

    # @return [Client, nil] the one that has taken the place of this one's
    attr_reader :successor

    # Whether there is a block to call.
    def any? = subscribed? || !@due.empty?

    # Whether somebody wants to be told of changes.
    def subscribed? = !(@index.empty? && @newcomers.empty?)

    def add(subscription)
      @lock.synchronize { @newcomers[subscription] = (@count += 1) unless @successor }
      return unless @successor

      subscription.move(@successor, subscription.since)
      @successor.change_feed.add(subscription)
    end

    def remove(subscription)
      @lock.synchronize do
        @newcomers.delete(subscription) || @index.delete(subscription)
        # Or an old snapshot would be kept for nobody.
        @told = nil if @index.empty?
      end
    end

    # Takes over the subscriptions of a client whose place this one takes.
    #
    # @return [Boolean] whether there were any
    def take_over(former)
      moved = former.give_up(@client)
      moved.each do |subscription, told|
        subscription.move(@client, told)
        add(subscription)
      end
      moved.any?
    end

    # Tells the subscriptions what has changed since they were told last. What changed several times
    # meanwhile, they are told once.
    def deliver
      find_changes if subscribed? && @client.ready? # its first snapshot rings
      due = @due
      # One by one: where a block ends the thread, the next call goes on with the next change.
      while (subscription, changes = due.first)
        while (change = changes.shift)
          subscription.tell_change(change)
        end
        due.shift
      end
    end

    # In a forked child: the parent tells what it has found before.
    def forget_what_the_parent_delivers
      return if @pid == Process.pid

      @pid = Process.pid
      # A block that has forked returns into the loop that goes through these.
      @due.each { |_, changes| changes.clear }
      @due.clear
      @due = []
    end

    protected

    # @param client [Client] takes all later subscriptions
    # @return [Array<Array(Subscription, Snapshot)>] all of them in their order, and what they have been told
    #   of; this client tells them nothing more
    def give_up(client)
      @lock.synchronize do
        @successor = client
        given = @index.to_a.map { |subscription, number| [number, subscription, @told] }
        @newcomers.each { |newcomer, number| given << [number, newcomer, newcomer.since] }
        [@index, @newcomers].each(&:clear)
        @told = nil
        given.sort_by(&:first).map { |_, subscription, told| [subscription, told] }
      end
    end

    private

    def find_changes
      newcomers = @newcomers.keys # before the snapshot: it must not be older than what they know
      current = @client.native_snapshot
      found = changes_of_all(current)
      newcomers.each { |newcomer| found << [newcomer, newcomer.changes_until(current)] }
      @lock.synchronize do
        newcomers.each { |newcomer| join(newcomer) }
        @told = current unless @index.empty?
        enqueue(found)
      end
    rescue Error => e
      @client.event_log.write(:error, "could not look for changes: #{e.class}: #{e.message}",
                              subject: :changes)
    end

    # @return [Array<Array(Subscription, Array<Change>)>]
    def changes_of_all(current)
      told = @told or return []
      @index.changes(told, current).flat_map do |scope, changes|
        @lock.synchronize { @index.with_scope(scope) }.map { |subscription| [subscription, changes.dup] }
      end
    end

    def join(newcomer)
      number = @newcomers.delete(newcomer) or return # cancelled meanwhile
      @index.add(newcomer, number)
      newcomer.forget_beginning
    end

    def enqueue(found)
      numbered = found.filter_map do |subscription, changes|
        # One that goes on with another client is told there.
        number = @index.number(subscription)
        [number, subscription, changes] if number && changes.any?
      end
      numbered.sort_by!(&:first)
      @due.concat(numbered.map { |_, subscription, changes| [subscription, changes] })
    end
  end
end
