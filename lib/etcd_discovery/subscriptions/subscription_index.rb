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

    # @return [Array<Subscription>]
    def with_scope(scope) = @subscriptions[scope].to_h.keys

    # @return [Array<Array(Subscription, Integer)>]
    def to_a = @subscriptions.values.flat_map(&:to_a)

    # The differences between two snapshots that someone subscribes to.
    #
    # @return [Hash{String => Array<Change>}] by scope, in the order of revisions
    def changes(older, newer)
      newer.native_matching_changes(older, @scopes).each_with_object({}) do |(fields, scopes), found|
        change = Change.new(*fields, newer)
        scopes.each { |scope| (found[scope] ||= []) << change }
      end
    end
  end
end
