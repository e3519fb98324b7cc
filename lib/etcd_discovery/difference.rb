# frozen_string_literal: true

module EtcdDiscovery
  # A key that differs between two revisions.
  #
  # @example
  #   EtcdDiscovery.diff("/config/", from: 4711).map(&:key)  # => ["/config/limit"]
  class Difference
    include JsonSafe

    # @return [String]
    attr_reader :key
    # @return [String, nil] the value at the first revision; `nil` if the key did not exist
    attr_reader :before
    # @return [String, nil] the value at the second revision; `nil` if the key did not exist
    attr_reader :after

    # @api private
    def initialize(key, before, after)
      @key = key
      @before = before
      @after = after
      freeze
    end

    # @return [Symbol] `:put` or `:delete`: the step from the first revision to the second
    def type = after.nil? ? :delete : :put

    # @return [String] without values, which may be secrets
    def inspect = "#<#{self.class} #{type} #{key.inspect}>"

    private

    def to_json_safe = { key:, type: }
  end
end
