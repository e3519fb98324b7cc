# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # The writes to the first layer: a value for a time, and its end.
    #
    # @api private
    class LayerWrites < Writes
      # Seconds; the longest lease that etcd grants.
      LONGEST = 9_000_000_000

      def override
        seconds = request.number(request.form!("seconds")).to_i
        raise Request::Malformed unless seconds.between?(1, LONGEST)

        value = typed
        guarded(value) { client.override(name, value, for: seconds, if_revision: revision, **why) }
      rescue ValueText::Wrong, InvalidValueError => e
        refuse_value(e)
      end

      def release
        # Without an override there is nothing to write, and nothing to wait for.
        guarded(nil) do
          client.release(name, if_revision: revision, **why) || client.native_snapshot.revision
        end
      end

      private

      # @return [String] of the key in the layers
      def name
        watched!
        @name ||= Layered.short_name(client, key) || raise(Request::Malformed)
      end

      # An override brings its own lease.
      def drops_lease?(_before, _value) = false

      # What cannot be seen is not covered blindly either.
      def guarded(value)
        write(Pages::Key, value) do
          raise Fixed if client.explain(name).any? { |part| web.mask.masked?(part.key, part.value) }

          yield
        rescue ConflictError
          nil
        end
      end

      def conflict(value)
        first = client.explain(name).first.key
        now = History::Content.read(client, [[first, false]]).rows[first]
        page(Pages::LayerConflict, first, value, now)
      end
    end
  end
end
