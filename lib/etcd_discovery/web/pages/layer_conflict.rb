# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # Somebody else was faster to override a name, or to end its override.
      #
      # @api private
      class LayerConflict < Conflict
        include Layers

        private

        # What the forms are about; `@key` is the key in the first layer.
        def key = request.query("key")

        def deletion = :conflict_release

        def again
          return h.p(t(:not_changed_masked), class: "empty") if web.mask.masked?(@key, @now&.value)
          return override_form(@now || absent(@key)) unless @text.nil?

          @now ? release_form(@now) : h.p(t(:nothing_to_end), class: "empty")
        end
      end
    end
  end
end
