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
        write(Pages::Key, value) do
          client.override(name, value, for: seconds, **why) if first_layer_as_shown?
        end
      rescue ValueText::Wrong, InvalidValueError => e
        refuse_value(e)
      end

      def release
        write(Pages::Key, nil) do
          # Without an override there is nothing to write, and nothing to wait for.
          (client.release(name, **why) || client.native_snapshot.revision) if first_layer_as_shown?
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
      def first_layer_as_shown?
        explanation = client.explain(name)
        raise Fixed if explanation.any? { |part| web.mask.masked?(part.key, part.value) }

        first = explanation.first.key
        History::Content.read(client, [[first, false]]).revision_of(first) == revision
      end

      def conflict(_value) = page(Pages::Key, problem: t(:layer_changed), status: 409)
    end
  end
end
