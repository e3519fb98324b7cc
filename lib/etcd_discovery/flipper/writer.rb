# frozen_string_literal: true

module EtcdDiscovery
  class Flipper
    # Writes features, and waits until this process reads what was written.
    #
    # @api private
    class Writer
      # Seconds for which a write is made again on top of the changes of others.
      PATIENCE = 10
      # Seconds to wait until this process reads its own write. Without it a page that shows the feature after
      # a click would show the old state.
      READ_BACK = 3

      # @param client [Client, Module]
      # @param by [String, #call, nil]
      def initialize(client, by)
        @client = client
        @by = by
      end

      # Replaces the value of a key by what the block makes of it, in a guarded transaction. If the key has
      # changed since it was read, the block is called again with the new value. A value that stays the same
      # is only compared, and not written.
      #
      # @yieldparam text [String, nil] the value
      # @yieldreturn [String]
      # @raise [ConflictError] when others change the key without a pause
      def change(key)
        retrying do |snapshot|
          before = snapshot[key]
          after = yield(before)
          @client.transaction(by:) do |transaction|
            transaction.compare(key, revision: snapshot.mod_revision(key) || 0)
            transaction.put(key, after) unless after == before
          end
        end
      end

      # @param key [String]
      def delete(key)
        read_back(@client.delete(key, by:))
      end

      # Makes the keys under a prefix the same as these, in one transaction. Begins again if one of them
      # changes meanwhile.
      #
      # @param wanted [Hash{String => String}]
      # @raise [ConflictError] when others change them without a pause
      def replace(prefix, wanted)
        retrying do |snapshot|
          operations = differences(snapshot.prefix(prefix).to_h.transform_keys(&:b), wanted)
          next if operations.empty?

          unchanged = [prefix, snapshot.revision, "#{prefix.chop}0"] # "0" comes after "/"
          core.write!("import", [unchanged], operations, by:, note: "import")
        end
      end

      private

      def retrying
        deadline = Client.now + PATIENCE
        begin
          snapshot = live
          read_back(yield(snapshot))
        rescue ConflictError => e
          raise if Client.now > deadline

          catch_up(snapshot, e.revision, deadline)
          retry
        end
      end

      def differences(now, wanted)
        removed = (now.keys - wanted.keys).map { |key| [key, nil] }
        wanted.reject { |key, text| now[key] == text }.to_a + removed
      end

      # Within `pin` too, what is written builds on the present state.
      def live = core.native_snapshot

      def core = DefaultClient.behind(@client)

      def by = @by.respond_to?(:call) ? @by.call : @by

      # @param revision [Integer] of the key's last change; 0: it was deleted, which has no revision here
      def catch_up(snapshot, revision, deadline)
        newer = revision.to_i.positive? ? revision : snapshot.revision + 1
        @client.wait_for_revision(newer, timeout: [deadline - Client.now, 0].max)
        sleep(rand * 0.005) # several writers of one feature would meet again
      rescue TimeoutError
        nil
      end

      def read_back(revision)
        @client.wait_for_revision(revision, timeout: READ_BACK) if revision
      rescue TimeoutError
        nil # It is written. What this process reads follows when etcd sends it.
      end
    end
  end
end
