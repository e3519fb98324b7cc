# frozen_string_literal: true

module EtcdDiscovery
  # What {Client#on_change} gives: the means to end it.
  #
  # @example
  #   subscription = EtcdDiscovery.on_change("/config/limit") { |change| apply(change.value) }
  #   subscription.cancel
  class Subscription
    include Telling
    include ProcessBound

    # @return [String] the key or prefix
    attr_reader :target
    # @api private
    attr_reader :client

    # @api private
    # @param target [String, nil] `nil` for whatever the client watches
    # @param told [Snapshot, nil] what the block knows already
    def initialize(client, target, told, block)
      @client = client
      @target = target
      @told = told
      @block = block
      @cancelled = false
      @pending = []
      @pid = Process.pid
    end

    # Ends the subscription: no call of the block begins after this, and one that runs goes on to its end.
    #
    # @return [void]
    def cancel
      @cancelled = true
      Dispatcher.remove(self)
    end

    # @return [Boolean] whether it was cancelled
    def cancelled?
      @cancelled
    end

    # @api private
    def listen(bell)
      forget_what_the_parent_delivers unless @pid == Process.pid
      @client.send(:native_hang, bell)
    end

    # Goes on with the client that takes the place of its own. What differs between the two is told.
    #
    # @api private
    # @return [Boolean] whether it was a subscription of the former
    def move(former, client)
      return false unless @client.equal?(former)

      @moved = true
      @client = client
      begin_anew
      true
    end

    # Tells the block what has changed since it was told last. What changed several times meanwhile, it is
    # told once.
    #
    # @api private
    def deliver
      return unless @client.ready? # its first snapshot rings

      find_changes
      # One by one: where a block ends the thread, the next call goes on with the next change.
      while (change = @pending.shift)
        tell_change(change)
      end
    rescue UnwatchedKeyError => e
      report("the subscription of #{target.inspect} ends", e)
      cancel
    rescue Error => e
      report("could not look for changes of #{target.inspect}", e)
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{target.inspect}#{' cancelled' if cancelled?}>"
    end

    private

    def find_changes
      current = current_snapshot
      changes = current.send(:native_changes_since, @told, target.to_s)
      @told = current
      @pending += changes.map do |key, value, previous, revision|
        Change.new(key, value, previous, revision, current)
      end
    end

    def forget_what_the_parent_delivers
      @pid = Process.pid
      @pending = []
    end

    def to_printable = { target:, cancelled: cancelled? }

    def current_snapshot
      @client.send(:native_must_watch, target) if @moved && target
      @client.send(:native_snapshot)
    end

    # Nobody may have read from the new client yet.
    def begin_anew
      @client.send(:native_start)
      @client.send(:observe)
    end

    def tell_change(change)
      return if @cancelled

      tell("the block of on_change(#{target.inspect})", change.key.inspect, change)
    end
  end
end
