# frozen_string_literal: true

module EtcdDiscovery
  # The result of {Client#on_change}; ends the subscription.
  #
  # @example
  #   subscription = EtcdDiscovery.on_change("/config/limit") { |change| apply(change.value) }
  #   subscription.cancel
  class Subscription
    include SafeCallback
    include ProcessBound

    # @return [String, nil] the key or prefix; nil for everything that the client watches
    attr_reader :target
    # @api private
    attr_reader :client
    # @api private
    # @return [String] the bytes of the target, whatever its encoding
    attr_reader :scope
    # @api private
    # @return [Snapshot, nil] what the block knew when the subscription started with its client
    attr_reader :since

    # @api private
    # @param target [String, nil] `nil` for everything that the client watches
    # @param since [Snapshot, nil] what the block already knows
    def initialize(client, target, since, block)
      @client = client
      @target = target
      @scope = target.to_s.b.freeze
      @since = since
      @block = block
      @cancelled = false
    end

    # Ends the subscription. The block is not called again; a call that is running finishes.
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
    def enlist = @client.change_feed.add(self)

    # @api private
    def withdraw = @client.change_feed.remove(self)

    # Continues with the client that replaces this one's client. The block receives their differences.
    #
    # @api private
    # @param known [Snapshot, nil] what the block knows from the former client
    def move(client, known)
      @client = client
      @since = known
      @moved = true
    end

    # The changes between the subscription's start and a snapshot.
    #
    # @api private
    # @return [Array<Change>]
    def changes_until(snapshot)
      @client.native_ensure_range_watched(target) if @moved && target
      changes = snapshot.native_changes_since(@since, scope)
      changes.map { |fields| Change.new(*fields, snapshot) }
    rescue UnwatchedKeyError => e
      report("the subscription of #{target.inspect} ends", e)
      cancel
      []
    end

    # Drops the starting snapshot: from now on the client's {ChangeFeed} knows what the block has received.
    #
    # @api private
    def forget_beginning
      @since = nil
    end

    # @api private
    def tell_change(change)
      tell(change) unless @cancelled
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{target.inspect}#{' cancelled' if cancelled?}>"
    end

    private

    def block_name = "the block of on_change(#{target.inspect})"

    def occasion(change) = change.key.inspect

    def to_json_safe = { target:, cancelled: cancelled? }
  end
end
