# frozen_string_literal: true

require "securerandom"

module EtcdDiscovery
  # The change log of a client (`change_log`): one key per write under a prefix, in the same transaction.
  #
  # An entry records the previous state of the keys, which must still be true when the transaction is applied.
  # So the keys are read first, and the transaction compares their revisions. If another write comes in
  # between, it starts over.
  #
  # @api private
  class ChangeLog
    # How often another writer may come in between before a write gives up.
    ATTEMPTS = 20
    # The maximum number of old entries that one write removes.
    TRIMMED = 16
    private_constant :ATTEMPTS, :TRIMMED

    # @return [ChangeLog, nil] `nil` if none is configured
    def self.of(client)
      new(client) if client.config.change_log
    end

    def initialize(client)
      @client = client
      @prefix = client.config.change_log
      @keep = client.config.change_log_keep
      @values = client.config.change_log_values
    end

    # Performs a write together with its entry.
    #
    # @param entry [Hash] `action`, `by` and `note`
    # @yieldparam compares [Array] what to send
    # @yieldparam operations [Array]
    # @yieldreturn [Integer, Array] the extension's result
    # @return [Integer, Array] the block's result
    def write(compares, operations, **entry, &commit)
      refuse_own_keys(operations)
      ATTEMPTS.times do
        written = attempt(compares, operations, entry, &commit)
        return written if written
      end
      raise overtaken(operations.first.first)
    rescue PermissionError => e
      raise denied(e)
    end

    # @return [Array<Entry>] the oldest first
    def entries
      _, ((_, rows)) = @client.native_read("read the change log", [[@prefix, true, nil, false]], nil)
      rows.filter_map { |_, json, revision,| Entry.parse(json, revision) }.sort_by(&:revision)
    end

    private

    # @return [Integer, Array, nil] `nil` when another write came in between
    def attempt(compares, operations, entry)
      before = look(operations)
      guards = operations.map { |key,| [key, before.revision_of(key)] }
      written = yield(compares + guards, operations + record(before, operations, entry))
      written if written.is_a?(Integer) || written.first < compares.size
    end

    # The keys at one revision, the number of log entries, and the keys of the oldest.
    Before = Struct.new(:revision, :rows, :logged, :oldest) do
      def revision_of(key) = rows[key.b]&.at(2) || 0
    end
    private_constant :Before

    def look(operations)
      targets = operations.map { |key,| [key, false, nil, true] }
      revision, found = @client.native_read("read what is to be written", [*targets, oldest_entries],
                                            nil)
      logged, oldest = found.pop
      rows = found.flat_map(&:last).to_h { |row| [row.first.b, row] }
      Before.new(revision, rows, logged, oldest.map(&:first))
    end

    def oldest_entries = [@prefix, true, TRIMMED, true]

    # Builds the entry, and deletes the oldest ones. A write that changes nothing gets no entry.
    def record(before, operations, entry)
      items = operations.filter_map { |key, value| item(key, value, before.revision_of(key)) }
      return [] if items.empty?

      # Named by revision, not by time, because clocks differ: the transaction comes after what it has read.
      own = format("%s%019d-%s", @prefix, before.revision, SecureRandom.hex(4))
      [[own, Entry.new(items:, **entry).to_json], *trim(before, own)]
    end

    def item(key, value, before)
      return if value.nil? && before.zero?

      Entry::Item.new(key:, type: value.nil? ? :delete : :put, before:, value: (value if @values))
    end

    def trim(before, own)
      many = [before.logged + 1 - @keep, before.oldest.size].min
      return [] unless many.positive?

      first, last = before.oldest.values_at(0, many - 1)
      last.b < own.b ? [[first, nil, "#{last.b}\0"]] : []
    end

    def refuse_own_keys(operations)
      key = operations.map(&:first).find { |one| one.b.start_with?(@prefix.b) } or return

      problem = "#{key.inspect} belongs to the change log (#{@prefix}), which holds only its entries"
      raise InvalidRequestError.new(problem, key:)
    end

    def overtaken(key)
      ConflictError.new("#{key.inspect} has changed #{ATTEMPTS} times during a write with the " \
                        "change log; nothing was written", key:)
    end

    def denied(error)
      PermissionError.new(
        "#{error.message}; with the change log #{@prefix} a user must be able to read every key that it " \
        "writes, and to read and write all of #{@prefix}; nothing was written",
        endpoint: error.endpoint, key: error.key
      )
    end
  end
end

require_relative "entry"
