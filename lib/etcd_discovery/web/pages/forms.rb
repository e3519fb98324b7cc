# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # The forms of a key. Each sends the revision that was shown: the write is refused if the key has
      # changed since. The key itself is in the address, since a form cannot hold every byte.
      #
      # @api private
      module Forms
        private

        # What a form is about, as etcd has it: this process may see a change a moment later than the one that
        # showed it, and its form would be refused. Where etcd is away, the local copy.
        #
        # @return [History::Content::Row]
        def row_of(key)
          History::Content.read(client, [[key, false]]).rows[key] || absent(key)
        rescue EtcdDiscovery::Error
          History::Content::Row.new(key, snapshot[key], snapshot.mod_revision(key) || 0, 0)
        end

        def absent(key) = History::Content::Row.new(key, nil, 0, 0)

        # @param value [String, nil] what the form begins with, unless it was refused and shows what was typed
        def edit_form(key, value, revision, field: nil)
          form, text = content_of("/put", value)
          action_form("/put", key, revision) do
            encoding(form)
            labelled("value", t(form == :base64 ? :value_base64 : :value), rules(field)) do |described|
              widget(field, text, form, described)
            end
            note("edit-note", "/put")
            h.button(t(revision.zero? ? :create : :save), type: "submit", class: "primary")
          end
        end

        # What was typed is shown as it was: not decoded, stripped and encoded again.
        #
        # @return [Array(Symbol, String)] how a form holds its value, and its text
        def content_of(path, value)
          typed = request.typed(path, "value")
          return [request.form("encoding") == "base64" ? :base64 : :text, typed] if typed

          form = ValueText.form_of(value)
          [form, ValueText.shown(value.to_s, form)]
        end

        def encoding(form) = h.input(type: "hidden", name: "encoding", value: form)

        def delete_form(key, revision)
          action_form("/delete", key, revision) do
            note("delete-note", "/delete")
            h.button(t(:delete_key), type: "submit", class: "danger")
          end
        end

        def action_form(path, key, revision, **more)
          h.form(action: url(path, key:, **more), method: "post", class: "write", autocomplete: "off") do
            h.input(type: "hidden", name: "token", value: request.token)
            h.input(type: "hidden", name: "revision", value: revision)
            yield
          end
        end

        def note(id, path)
          labelled(id, t(:note), t(client.config.change_log ? :note_hint : :note_hint_no_log)) do |described|
            h.input(type: "text", id:, name: "note", required: true, maxlength: "500",
                    aria_describedby: described, value: typed_note(path))
          end
        end

        def typed_note(path) = request.typed(path, "note")

        def labelled(id, label, hint)
          h.div(class: "field") do
            h.label(label, for: id)
            yield(hint ? "#{id}-hint" : nil)
            h.p(hint, id: "#{id}-hint", class: "hint") if hint
          end
        end

        # What the declaration asks for.
        def widget(field, text, form, described)
          common = { id: "value", name: "value", aria_describedby: described }
          choices = choices(field)
          return select(choices, text, common) if choices
          return number(field, text, common) if form == :text && %i[integer float].include?(field&.type)
          return line(text, common) if form == :text && %i[duration].include?(field&.type)

          rows = text.count("\n").clamp(2, 20) + 1
          h.textarea(rows:, spellcheck: "false", translate: "no", class: "code", **common) { h.exact(text) }
        end

        def choices(field)
          return %w[true false] if field&.type == :boolean
          return unless field && field.accepted.is_a?(Array) && %i[string integer float].include?(field.type)

          field.accepted.map(&:to_s)
        end

        def select(choices, text, common)
          h.select(**common) do
            (choices | [text].reject(&:empty?)).each do |one|
              h.option(one, value: one, selected: one == text)
            end
          end
        end

        def number(field, text, common)
          range = field.accepted if field.accepted.is_a?(Range)
          h.input(type: "number", step: field.type == :integer ? "1" : "any", value: text, required: true,
                  min: range&.begin, max: (range.end if range && !range.exclude_end?), **common)
        end

        def line(text, common)
          h.input(type: "text", value: text, required: true, spellcheck: "false", **common)
        end

        def rules(field)
          return if field.nil?

          allowed = field.accepted
          range = t(:allowed, range: allowed.is_a?(Array) ? allowed.join(", ") : allowed.inspect) if allowed
          [t(:"type_#{field.type}"), range, t(:default_is, value: field.default.inspect)].compact.join(" · ")
        end

        # Old lines and new lines, distinguished by a sign and not only by color.
        def difference(key, before, after)
          return hidden if [before, after].any? { |text| web.mask.masked?(key, text) }

          h.pre(class: "difference", translate: "no") do
            Lines.difference(before, after).first(400).each { |kind, line| difference_line(kind, line) }
          end
        end

        def difference_line(kind, line)
          shown = line.length > 2000 ? "#{line[0, 2000]}…" : line
          case kind
          when :gone then h.del("- #{shown}\n")
          when :new then h.ins("+ #{shown}\n")
          else h.span("  #{shown}\n")
          end
        end
      end
    end
  end
end
