# frozen_string_literal: true

module EtcdDiscovery
  # One key that changed since the subscriber's last notification.
  #
  # @example
  #   EtcdDiscovery.on_change("/config/") do |change|
  #     logger.info("#{change.key}: #{change.previous.inspect} -> #{change.value.inspect}")
  #   end
  class Change
    include ProcessBound

    # @return [String] the key; for a subscription to a name in the layers, the name
    attr_reader :key
    # @return [String, nil] the layer that the value is from; for a deletion, the one that had the last
    #   value. `nil` for a subscription to a key
    attr_reader :layer
    # @return [String, nil] frozen; `nil` when the key was deleted
    attr_reader :value
    # @return [String, nil] the value of the subscriber's last notification, frozen; `nil` when the key is new
    attr_reader :previous
    # @return [Integer] the revision of the value; for a deletion, also for one that uncovers the value of
    #   another layer, the first revision that the client holds without the key
    attr_reader :revision
    # @return [Snapshot] all watched keys, at a revision that includes this change
    attr_reader :snapshot

    # @api private
    def initialize(key, value, previous, revision, layer, snapshot) # rubocop:disable Metrics/ParameterLists -- called by the extension
      @key = key
      @value = value
      @previous = previous
      @revision = revision
      @layer = layer
      @snapshot = snapshot
      freeze
    end

    # @return [Symbol] `:put` or `:delete`
    def type
      value.nil? ? :delete : :put
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{type} #{key.inspect} revision=#{revision}>"
    end

    private

    # Leaves out the values, which may be secrets and would end up in tools that show events. Also leaves out
    # the snapshot.
    def to_json_safe = { type:, key:, revision:, layer: }.compact
  end
end
