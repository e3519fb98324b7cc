# frozen_string_literal: true

require "securerandom"

module EtcdDiscovery
  # The change log of a client (`change_log`): one key under a prefix for each write, in the same transaction.
  #
  # What a key was before has to be known when the transaction is sent, and to be true when it is applied. So
  # the keys are read first, and the transaction compares their revisions; if another write came in between,
  # it begins again.
  #
  # @api private
  class ChangeLog
    # Another writer must come in between each time before a write gives up.
    ATTEMPTS = 20
    # The oldest entries that one write looks at: it removes so many at most.
    TRIMMED = 16
    private_constant :ATTEMPTS, :TRIMMED

    # @return [ChangeLog, nil] `nil` where none is configured
    def self.of(client)
      new(client) if client.config.change_log
    end

    def initialize(client)
      @client = client
      @prefix = client.config.change_log
      @keep = client.config.change_log_keep
      @values = client.config.change_log_values
    end

    # Adds an entry to a write.
    #
    # @param entry [Hash] `action`, `by` and `note`
    # @yieldparam compares [Array] what to send
    # @yieldparam operations [Array]
    # @yieldreturn [Integer, Array] as the extension gives it
    # @return [Integer, Array] the same
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

    # What the keys are at one revision; how many entries the log has, and the keys of the oldest.
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

    # The write of the entry, and of what has to go for it. Nothing is recorded of what changes nothing.
    def record(before, operations, entry)
      items = operations.filter_map { |key, value| item(key, value, before.revision_of(key)) }
      return [] if items.empty?

      # In the order of revisions, whatever the clocks say: the transaction comes after what it has read.
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

      problem = "#{key.inspect} belongs to the change log (#{@prefix}), which only gets entries"
      raise InvalidRequestError.new(problem, key:)
    end

    def overtaken(key)
      ConflictError.new("#{key.inspect} has changed #{ATTEMPTS} times while it was to be written with the " \
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
