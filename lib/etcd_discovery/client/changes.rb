# frozen_string_literal: true

module EtcdDiscovery
  # Notifications of changes, and waits for them.
  class Client
    # @api private
    # @return [ChangeFeed]
    attr_reader :change_feed

    # @api private
    # @return [Hash{EventSubscription => true}] the subscriptions whose blocks {Dispatcher} calls
    attr_reader :event_subscriptions

    # @api private
    # @return [Boolean] whether there are blocks to call
    def subscriptions? = change_feed.any? || event_subscriptions.any?

    # @api private
    # @return [Boolean] whether a forked child must connect before its first read: it has blocks to call
    def connects_at_once_in_children?
      config.connect_in_children == "now" || subscriptions?
    end

    # @api private
    # Registers the waker of {Dispatcher} for each change and event in this process.
    def listen(waker)
      native_add_waker(waker) if change_feed.subscribed?
      native_observe(waker) if event_subscriptions.any?
    end

    # @api private
    # In a forked child: drops events found before the fork.
    def forget_what_the_parent_delivers
      [change_feed, *event_subscriptions.keys].each(&:forget_what_the_parent_delivers)
    end

    # @api private
    # Calls the blocks that have something to receive.
    def deliver
      change_feed.deliver
      return if event_subscriptions.empty?

      event_subscriptions.keys.each(&:deliver) # rubocop:disable Style/HashEachMethods -- a block may subscribe
    end

    # Calls the block for each change of a key, or of any key under a prefix.
    #
    # All blocks of a process are called on one Ruby thread, in the order of revisions. A slow block delays
    # the other blocks, never the client. It receives several changes of one key as one. Errors raised by a
    # block are logged and do no harm. In a forked child subscriptions continue on a thread of the child.
    #
    # If etcd is away while the application boots, the subscription is kept and the logger is warned. It then
    # starts with everything in the first snapshot, because no one could have read that before.
    #
    # @example
    #   subscription = client.on_change("/config/") { |change| puts "#{change.key} is #{change.value}" }
    #   subscription.cancel
    # @param target [String] a key, or a prefix that ends in `/`; `""` is everything
    # @param initial [Boolean] whether to start with the existing values, as if they were just written
    # @yieldparam change [Change]
    # @return [Subscription]
    # @raise [UnwatchedKeyError] if not all of it is watched
    # @raise [ClosedError] if the client was stopped before its first snapshot
    def on_change(target, initial: false, &block)
      raise ArgumentError, "on_change needs a block" unless block

      native_ensure_range_watched(target)
      current = snapshot_for(target)
      Subscription.new(self, target.dup.freeze, initial ? nil : current, block).tap do |subscription|
        Dispatcher.add(subscription)
        subscription.client.observe # not always this one: it may have a successor
      end
    end

    # Waits until a key exists, or until the block accepts its value. Reads the live value, also within
    # {#pin}.
    #
    # The wait is interruptible. Under a fiber scheduler only the calling fiber waits.
    #
    # @example
    #   client.wait_for("/service/b", timeout: 5)                       # => "10.1.1.60:8081"
    #   client.wait_for("/lock", timeout: 5) { |value| value.nil? }     # until it is gone
    # @param key [String]
    # @param timeout [Numeric] maximum seconds to wait
    # @yieldparam value [String, nil] the value, now and after each change; `nil` when the key does not exist
    # @yieldreturn [Object] truthy to end the wait
    # @return [String, nil] the value
    # @raise [TimeoutError] when that does not happen in time
    # @raise [UnwatchedKeyError] outside every watched range
    def wait_for(key, timeout:)
      deadline = Client.now + timeout
      native_ensure_key_watched(key)
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

    # Waits until the local copy has reached a revision.
    #
    # With the revision returned by {#put}, in any process, later reads return what was written. A revision
    # that changed no watched key is noticed at the next proof of freshness (`progress_interval`).
    #
    # @example
    #   revision = client.put("/config/limit", "5")
    #   client.wait_for_revision(revision, timeout: 5)
    #   client["/config/limit"]  # => "5"
    # @param revision [Integer]
    # @param timeout [Numeric] maximum seconds to wait
    # @return [Integer] the revision of the local copy
    # @raise [TimeoutError] when that does not happen in time
    def wait_for_revision(revision, timeout:)
      History.compared(revision, "revision")
      deadline = Client.now + Float(timeout)
      await_first_snapshot(timeout, "revision #{revision} did not arrive within #{timeout} s")
      reached = native_wait_revision(revision, deadline - Client.now)
      seen = native_revision
      return seen if reached

      raise TimeoutError.new("revision #{revision} did not arrive within #{timeout} s; " \
                             "the last one seen is #{seen}", revision: seen)
    end

    # @api private
    # @return [Float] seconds of a monotonic clock, for waits; {Clock} measures ages
    def self.now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    private

    # The snapshot that a new subscriber may have read. The first caller blocks until the first snapshot
    # arrives. If an earlier caller already timed out, later callers don't block.
    def snapshot_for(target)
      native_snapshot if ready? || status.state == :stopped
    rescue ConnectionError, AuthenticationError, PermissionError => e
      warn_of("on_change(#{target.inspect}) begins when there is a first snapshot: #{e.message}")
      nil
    end

    # These calls take their own timeout, so they wait for the first snapshot even if an earlier wait timed
    # out.
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
