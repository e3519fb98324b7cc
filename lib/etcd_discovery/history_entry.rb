# frozen_string_literal: true

module EtcdDiscovery
  # One change in the history of a key. Who made it, when and why is known where `change_log` is set.
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
    # @return [String, nil] frozen; `nil` after a deletion, and where etcd has compacted the value away
    attr_reader :value
    # @return [String, nil] what wrote it: `put`, `transaction`, `rollback` and so on
    attr_reader :action
    # @return [String, nil] who
    attr_reader :by
    # @return [Time, nil] when, by the clock of the writer
    attr_reader :at
    # @return [String, nil] why
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

    # @return [String] without the value: it may be a secret
    def inspect = "#<#{self.class} #{type} #{key.inspect} revision=#{revision}#{" by=#{by.inspect}" if by}>"

    private

    def to_json_safe = { key:, revision:, type:, action:, by:, at:, note: }.compact
  end
end
