# frozen_string_literal: true

module EtcdDiscovery
  module Testing
    # The values that a stub gives, and the content to restore at its end. Guarded by the lock of {Stubs}.
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

      # Remembers a client's current content.
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

      # Restores its clients except for the keys that `spared` names, and yields each with the keys that
      # differed.
      def undo(spared)
        @marks.each do |client, mark|
          yield client, client.native_restore(mark, spared.call(client))
          client.source&.release
        end
      end

      # Takes over an older stub's content, so that what was undone below this stub does not come back with
      # it.
      def adopt(client, other, keys)
        @marks[client] &&= client.native_patch(@marks[client], other.marks[client], keys)
      end

      # Ends it, and stubs that the same thread started later and did not end. A second call does nothing.
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
