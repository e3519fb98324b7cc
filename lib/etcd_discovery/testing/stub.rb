# frozen_string_literal: true

module EtcdDiscovery
  module Testing
    # What stands over the content of clients without etcd: the keys that it gives values, and what to come
    # back to. Guarded by the lock of {Stubs}.
    #
    # @api private
    class Stub
      include ProcessBound

      attr_reader :thread, :place, :marks

      def initialize(place)
        @thread = Thread.current
        @place = place
        @marks = {}.compare_by_identity
        @keys = Hash.new { |keys, client| keys[client] = {} }.compare_by_identity
      end

      # Takes a client as it is now.
      def mark(client)
        @marks[client] ||= client.native_mark.tap { client.source&.hold }
      end

      def keys(client)
        @keys.key?(client) ? @keys[client].keys : []
      end

      def write(client, values)
        values.each_key { |key| @keys[client][key] = true }
        client.native_write_all(values.to_a)
      end

      # Sets its clients back, but for the keys that `spared` names, and yields each with those that differed.
      def undo(spared)
        @marks.each do |client, mark|
          yield client, client.native_restore(mark, spared.call(client))
          client.source&.release
        end
      end

      # What was undone beneath this one must not come back when this one is.
      def adopt(client, other, keys)
        @marks[client] &&= client.native_patch(@marks[client], other.marks[client], keys)
      end

      # Ends it, and what the same thread has begun since and not ended. A second time it does nothing.
      #
      # @return [void]
      def close
        Stubs.close(self)
      end

      def inspect
        "#<#{self.class} of #{place}>"
      end

      private

      def to_json_safe = { place: }
    end
  end
end
