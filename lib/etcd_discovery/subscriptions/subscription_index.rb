# frozen_string_literal: true

module EtcdDiscovery
  # Subscriptions by target, each with a number. Numbers ascend in the order of subscribing.
  #
  # Not safe to use from many threads.
  #
  # @api private
  class SubscriptionIndex
    def initialize
      @scopes = TargetIndex.new
      @subscriptions = {}
    end

    def empty? = @subscriptions.empty?

    def add(subscription, number)
      scope = subscription.scope
      @scopes.insert(scope)
      (@subscriptions[scope] ||= {}.compare_by_identity)[subscription] = number
    end

    def delete(subscription)
      scope = subscription.scope
      others = @subscriptions[scope] or return
      others.delete(subscription)
      return unless others.empty?

      @subscriptions.delete(scope)
      @scopes.remove(scope)
    end

    def clear
      @subscriptions.each_key { |scope| @scopes.remove(scope) }
      @subscriptions.clear
    end

    # @return [Integer, nil]
    def number(subscription) = @subscriptions[subscription.scope]&.fetch(subscription, nil)

    # @return [Array<Array(Subscription, Integer)>]
    def to_a = @subscriptions.values.flat_map(&:to_a)

    # What the subscriptions receive since a snapshot of a client.
    #
    # @return [Array(Snapshot, Array<Array(Subscription, Change)>), nil] the latest snapshot, and the changes
    #   in the order of subscribing, for each one in that of revisions; `nil` if nothing was published since
    def changes(client, known) = client.native_due(known, @scopes, @subscriptions, Change)
  end
end
