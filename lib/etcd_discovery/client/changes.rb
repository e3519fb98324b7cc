# frozen_string_literal: true

module EtcdDiscovery
  # Being told of changes, and waiting for them.
  class Client
    # @api private
    # @return [ChangeFeed]
    attr_reader :change_feed

    # @api private
    # @return [Hash{EventSubscription => true}] those whose blocks {Dispatcher} calls
    attr_reader :event_subscriptions

    # @api private
    # @return [Boolean] whether there are blocks to call
    def subscriptions? = change_feed.any? || event_subscriptions.any?

    # @api private
    # @return [Boolean] whether a forked child must not wait for a first read: it has blocks to call
    def connects_at_once_in_children?
      config.connect_in_children == "now" || subscriptions?
    end

    # @api private
    # Has the bell of {Dispatcher} rung by what changes and by what happens, in this process.
    def listen(bell)
      native_hang(bell) if change_feed.subscribed?
      native_observe(bell) if event_subscriptions.any?
    end

    # @api private
    # In a forked child: drops what was found before the fork.
    def forget_what_the_parent_delivers
      [change_feed, *event_subscriptions.keys].each(&:forget_what_the_parent_delivers)
    end

    # @api private
    # Calls the blocks that there is something to tell.
    def deliver
      change_feed.deliver
      event_subscriptions.keys.each(&:deliver) # rubocop:disable Style/HashEachMethods -- a block may subscribe
    end

    # Calls the block for each change of a key, or of any key under a prefix.
    #
    # All blocks of a process are called on one Ruby thread, in the order of revisions. A slow one delays the
    # others, never the client: it is told once of what changed several times meanwhile. What a block raises
    # is logged and harms nothing. In a forked child subscriptions go on, on a thread of its own.
    #
    # Without a first snapshot the subscription stands all the same (etcd is away while the application boots;
    # the logger is warned), and begins with all that the first one holds: nobody could have read it before.
    #
    # @example
    #   subscription = client.on_change("/config/") { |change| puts "#{change.key} is #{change.value}" }
    #   subscription.cancel
    # @param target [String] a key, or a prefix that ends in `/`; `""` is everything
    # @param initial [Boolean] whether to begin with what is there already, as if it was just put
    # @yieldparam change [Change]
    # @return [Subscription]
    # @raise [UnwatchedKeyError] if not all of it is watched
    # @raise [ClosedError] if the client was stopped before its first snapshot
    def on_change(target, initial: false, &block)
      raise ArgumentError, "on_change needs a block" unless block

      native_must_watch(target)
      current = snapshot_for(target)
      Subscription.new(self, target.dup.freeze, initial ? nil : current, block).tap do |subscription|
        Dispatcher.add(subscription)
        subscription.client.observe # not always this one: it may have a successor
      end
    end

    # Waits until a key has a value, or one that the block accepts. Looks at the live value, also within
    # {#pin}. Interruptible, and under a fiber scheduler only the calling fiber waits.
    #
    # @example
    #   client.wait_for("/service/b", timeout: 5)                       # => "10.1.1.60:8081"
    #   client.wait_for("/lock", timeout: 5) { |value| value.nil? }     # until it is gone
    # @param key [String]
    # @param timeout [Numeric] seconds to wait at most
    # @yieldparam value [String, nil] the value, now and after each change; `nil` when the key is not there
    # @yieldreturn [Object] truthy to end the wait
    # @return [String, nil] the value
    # @raise [TimeoutError] when it did not come in time
    # @raise [UnwatchedKeyError] outside every watched range
    def wait_for(key, timeout:)
      deadline = Client.now + timeout
      native_must_be_watched(key)
      await_first_snapshot(timeout, "#{key.inspect} did not become what was waited for", key)
      last = self # no value yet
      loop do
        generation = native_generation
        value = native_value(key)
        accepted = (block_given? ? yield(value) : !value.nil?) unless value.equal?(last)
        return value if accepted

        last = value
        await_publication(generation, deadline, key)
      end
    end

    # Waits until the local copy is of a revision, or a later one. With the revision that {#put} gives, in
    # whatever process, this is reading what was written.
    #
    # A revision that changed no watched key is noticed at the next proof of freshness
    # (`progress_interval`).
    #
    # @example
    #   revision = client.put("/config/limit", "5")
    #   client.wait_for_revision(revision, timeout: 5)
    #   client["/config/limit"]  # => "5"
    # @param revision [Integer]
    # @param timeout [Numeric] seconds to wait at most
    # @return [Integer] the revision of the local copy
    # @raise [TimeoutError] when it did not come in time
    def wait_for_revision(revision, timeout:)
      deadline = Client.now + Float(timeout)
      await_first_snapshot(timeout, "revision #{revision} did not arrive within #{timeout} s")
      reached = native_wait_revision(revision, deadline - Client.now)
      seen = native_revision
      return seen if reached

      raise TimeoutError.new("revision #{revision} did not arrive within #{timeout} s; " \
                             "the last one seen is #{seen}", revision: seen)
    end

    # @api private
    # @return [Float] seconds of a clock that only goes forward; for waits. Ages go by {Clock}.
    def self.now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    private

    # What a subscriber may have read. Whoever is the first to use a client waits for its first snapshot, as a
    # read does; where others have waited in vain, nobody waits again.
    def snapshot_for(target)
      native_snapshot if ready? || status.state == :stopped
    rescue ConnectionError, AuthenticationError, PermissionError => e
      warn_of("on_change(#{target.inspect}) begins when there is a first snapshot: #{e.message}")
      nil
    end

    # These calls say themselves how long they wait, be it the first wait of the process or not.
    def await_first_snapshot(timeout, trouble, key = nil)
      reason = native_await_snapshot(Float(timeout)) unless native_generation.positive?
      return if reason.nil?
      raise reason unless reason.is_a?(ConnectionError) # a refusal, which waiting does not change

      raise TimeoutError.new("#{trouble}: #{reason.message}", endpoint: reason.endpoint, key:)
    end

    def await_publication(generation, deadline, key)
      return if native_wait_generation(generation, deadline - Client.now)

      raise TimeoutError.new("#{key.inspect} did not become what was waited for; the last revision seen is " \
                             "#{native_revision}, the client is #{status.state}", key:)
    end
  end
end
