# frozen_string_literal: true

module EtcdDiscovery
  # One change in the history of a key. With `change_log`, it includes who made it, when and why.
  #
  # @example
  #   EtcdDiscovery.history("/config/limit").first.by  # => "ann"
  class HistoryEntry
    include JsonSafe

    # @return [String]
    attr_reader :key
    # @return [Integer] the revision of the change
    attr_reader :revision
    # @return [Symbol] `:put` or `:delete`
    attr_reader :type
    # @return [String, nil] frozen; `nil` after a deletion, and if etcd has compacted the value
    attr_reader :value
    # @return [String, nil] the operation: `put`, `transaction`, `rollback` and so on
    attr_reader :action
    # @return [String, nil] the author
    attr_reader :by
    # @return [Time, nil] when, by the writer's clock
    attr_reader :at
    # @return [String, nil] the reason
    attr_reader :note

    # @api private
    # @param logged [ChangeLog::Entry, nil]
    def initialize(key, revision, type, value, logged)
      @key = key
      @revision = revision
      @type = type
      @value = value
      @action, @by, @at, @note = logged&.then { |entry| [entry.action, entry.by, entry.at, entry.note] }
      freeze
    end

    # @return [String] without the value, which may be a secret
    def inspect = "#<#{self.class} #{type} #{key.inspect} revision=#{revision}#{" by=#{by.inspect}" if by}>"

    private

    def to_json_safe = { key:, revision:, type:, action:, by:, at:, note: }.compact
  end
end
