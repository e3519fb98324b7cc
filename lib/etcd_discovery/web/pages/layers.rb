# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # What each layer has for the name of a key, and the forms to override it for a time.
      #
      # @api private
      module Layers
        # Seconds that the form begins with.
        SECONDS = 600
        private_constant :SECONDS

        private

        def name = @name ||= Layered.short_name(client, key)
        def explanation = @explanation ||= client.explain(name)

        def layers
          return if name.nil?

          h.h2(t(:layers), id: "layers")
          table(t(:layers_of, name: Escape.cell(name))) do
            columns(:col_layer, :col_value, :col_state, :col_revision)
            h.tbody { explanation.each { |part| layer_row(part) } }
          end
        end

        def layer_row(part)
          h.tr(id: "l-#{row_id(part.key)}") do
            cell(:col_layer) { layer_name(part) }
            cell(:col_value) { value(part.key, part.value) }
            cell(:col_state) { layer_state(part) }
            cell(:col_revision, part.revision, class: "number")
          end
        end

        def layer_name(part)
          part.key.b == key.b ? h.strong(part.layer, class: "key") : key_link(part.key, part.layer)
        end

        def layer_state(part)
          return if part.value.nil?
          return h.span(t(:covered), class: "quiet") unless part.wins?
          return state(:good, t(:wins)) unless part.temporary?

          left = Leases.of(client, snapshot, [part.key])[part.key.b]
          state(:doubtful, left ? t(:override_left, left: seconds(left)) : t(:wins_for_a_time))
        end

        # The override of a hidden value would be as blind as its change.
        def override
          return if name.nil? || explanation.any? { |part| web.mask.masked?(part.key, part.value) }

          first = row_of(explanation.first.key)
          overridden = !first.value.nil? && !first.lease.zero?
          refused = %w[/override /release].include?(request.path)
          h.tag(:details, class: "more override", open: overridden || refused) do
            h.tag(:summary, t(:override))
            h.p(t(:override_hint), class: "hint")
            override_form(first)
            release_form(first) if overridden
          end
        end

        def override_form(first)
          form, text = override_content(first.value || explanation.value)
          action_form("/override", key, first.revision) do
            encoding(form)
            labelled("override-value", t(:value), nil) { override_value(text) }
            labelled("seconds", t(:override_for), nil) { override_seconds }
            note("override-note", "/override")
            h.button(t(:override_start), type: "submit", class: "primary")
          end
        end

        # The form begins empty where text cannot hold the value.
        def override_content(value)
          content = content_of("/override", value)
          content.first == :text || request.typed("/override", "value") ? content : [:text, ""]
        end

        def override_value(text)
          attributes = { id: "override-value", name: "value", rows: "2", class: "code", spellcheck: "false" }
          h.textarea(**attributes) { h.exact(text) }
        end

        def override_seconds
          value = request.typed("/override", "seconds") || SECONDS
          h.input(type: "number", id: "seconds", name: "seconds", min: "1", max: LayerWrites::LONGEST,
                  required: true, value:)
        end

        def release_form(first)
          action_form("/release", key, first.revision) do
            note("release-note", "/release")
            h.button(t(:override_end), type: "submit", class: "danger")
          end
        end
      end
    end
  end
end
