# frozen_string_literal: true

module EtcdDiscovery
  # One key that is other than it was when the subscriber was last told.
  #
  # @example
  #   EtcdDiscovery.on_change("/config/") do |change|
  #     logger.info("#{change.key}: #{change.previous.inspect} -> #{change.value.inspect}")
  #   end
  class Change
    include ProcessBound

    # @return [String]
    attr_reader :key
    # @return [String, nil] frozen; `nil` when the key was deleted
    attr_reader :value
    # @return [String, nil] what the subscriber was told before, frozen; `nil` when the key is new
    attr_reader :previous
    # @return [Integer] the revision of the value; of a deletion, the first revision that the client holds
    #   without the key
    attr_reader :revision
    # @return [Snapshot] all watched keys, at a revision that has this change
    attr_reader :snapshot

    # @api private
    def initialize(key, value, previous, revision, snapshot)
      @key = key
      @value = value
      @previous = previous
      @revision = revision
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

    # Neither value: it may be a secret, and events end up in tools that show them. Nor all watched keys.
    def to_json_safe = { type:, key:, revision: }
  end
end
