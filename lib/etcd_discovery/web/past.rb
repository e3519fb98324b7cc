# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # The histories of keys that were looked at lately. Each costs etcd a watch from the beginning, and a page
    # that is open looks every second: it asks again when the key has changed, or after a while.
    #
    # @api private
    class Past
      Known = Struct.new(:revision, :time, :changes)

      ENTRIES = 50
      # Seconds; a key that is absent may have come and gone unseen.
      KEPT = 30
      KEPT_ABSENT = 3
      MOST_KEYS = 32
      # Bytes of the values in a history that is kept, and of a value of which fewer changes are asked for.
      LARGE = 256 * 1024
      FEW = 5
      private_constant :Known, :ENTRIES, :KEPT, :KEPT_ABSENT, :MOST_KEYS, :LARGE, :FEW

      # @return [Past]
      def self.of(client) = client.companion(self)

      def initialize(client)
        @client = client
        @lock = Mutex.new
        @known = {}
      end

      # @param revision [Integer] of the key's last change; 0: there is no such key
      # @return [Array<HistoryEntry>]
      # @raise [EtcdDiscovery::Error]
      def entries(key, revision, value)
        known = @lock.synchronize { @known[key.b] }
        return known.changes if known && fresh?(known, revision)

        found = @client.history(key, limit: value.to_s.bytesize > LARGE / ENTRIES ? FEW : ENTRIES)
        keep(key.b, Known.new(revision, Clock.now, found))
        found
      end

      private

      def fresh?(known, revision)
        known.revision == revision && Clock.now - known.time < (revision.zero? ? KEPT_ABSENT : KEPT)
      end

      def keep(key, known)
        return if known.changes.sum { |entry| entry.value.to_s.bytesize } > LARGE

        @lock.synchronize do
          @known.delete(key)
          @known[key] = known
          @known.shift if @known.size > MOST_KEYS
        end
      end
    end
  end
end
