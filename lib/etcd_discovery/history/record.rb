# frozen_string_literal: true

module EtcdDiscovery
  module History
    # The changes of one key: those that etcd still has, and older ones from the change log.
    #
    # @api private
    class Record
      def initialize(client, key, limit)
        @client = client
        @key = key
        @limit = limit
      end

      # @return [Array<HistoryEntry>] the newest first
      def entries
        changes = @client.native_history(@key, @limit)
        logged = log
        known = changes.map do |revision, value|
          entry(revision, value.nil? ? :delete : :put, value, logged[revision])
        end
        older = logged.select { |revision, _| changes.empty? || revision < changes.first.first }
        (known.reverse + older.values.reverse.map { |one| of_log(one) }).first(@limit)
      end

      private

      def entry(...) = HistoryEntry.new(@key, ...)

      def of_log(logged)
        item = logged.of(@key)
        entry(logged.revision, item.type, item.value&.dup&.freeze, logged)
      end

      # Entries by revision. A user who may not read the log still gets the history from etcd.
      def log
        entries = ChangeLog.of(@client)&.entries || []
        entries.select { |entry| entry.of(@key) }.to_h { |entry| [entry.revision, entry] }
      rescue PermissionError
        {}
      end
    end
  end
end
