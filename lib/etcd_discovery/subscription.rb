# frozen_string_literal: true

module EtcdDiscovery
  # What {Client#on_change} gives: the means to end it.
  #
  # @example
  #   subscription = EtcdDiscovery.on_change("/config/limit") { |change| apply(change.value) }
  #   subscription.cancel
  class Subscription
    # @return [String] the key or prefix
    attr_reader :target

    # @api private
    def initialize(client, target, initial, block)
      @client = client
      @target = target
      @block = block
      @cancelled = false
      current = client.send(:native_snapshot)
      must_watch(current)
      @told = initial ? nil : current
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
      true
    end

    # Tells the block what has changed since it was told last. What changed several times meanwhile, it is
    # told once.
    #
    # @api private
    def deliver
      current = @client.send(:native_snapshot)
      must_watch(current) if @moved
      changes = current.send(:native_changes_since, @told, @target)
      @told = current
      changes.each do |key, value, previous, revision|
        break if @cancelled

        tell(Change.new(key, value, previous, revision, current))
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

    def must_watch(snapshot)
      target.empty? || target.end_with?("/") ? snapshot.prefix(target) : snapshot.key?(target)
    end

    # What an application's block raises is its own affair: the next change and the next subscriber come.
    def tell(change)
      @block.call(change)
    rescue StandardError, ScriptError, NoMemoryError, SystemStackError => e
      report("the block of on_change(#{target.inspect}) failed at #{change.key.inspect}", e)
    end

    def report(what, error)
      @client.config.logger&.error("etcd_discovery: #{what}: #{error.class}: #{error.message}")
    rescue StandardError
      nil
    end
  end
end
