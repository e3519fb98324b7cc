# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # Somebody else was faster: shows both values, and lets one decide again.
      #
      # @api private
      class Conflict < Page
        include Forms

        # @param text [String, nil] what was to be written; `nil` for a deletion
        # @param now [History::Content::Row, nil]
        def initialize(web, request, key, text, now)
          super(web, request)
          @key = key
          @text = text
          @now = now
        end

        def status = 409

        private

        def section = :keys
        def title = t(:conflict)

        def content
          h.h1(title)
          h.p(t(:conflict_advice), class: "lead")
          h.p { key_link(@key) }
          h.div(class: "pair") do
            side(:conflict_yours, @text, deletion)
            side(:conflict_now, @now&.value, :no_such_key)
          end
          h.h2(t(:conflict_again))
          again
        end

        def deletion = :conflict_deletion

        # There is one form, which may not be the one that was sent: after a rollback it is that of the value.
        def typed_note(_path) = request.form("note")

        def side(name, value, absent)
          h.section(aria_label: t(name)) do
            h.h2(t(name))
            if web.mask.masked?(@key, value)
              notice(:doubtful, t(:masked))
            else
              value.nil? ? h.p(t(absent), class: "empty") : h.pre(value, class: "value", translate: "no")
            end
          end
        end

        # Nothing is written over a value that is hidden.
        def again
          return h.p(t(:not_changed_masked), class: "empty") if web.mask.masked?(@key, @now&.value)

          revision = @now&.revision || 0
          return delete_form(@key, revision) if @text.nil?

          edit_form(@key, @text, revision, field: Declared.field(client, @key))
        end
      end
    end
  end
end
