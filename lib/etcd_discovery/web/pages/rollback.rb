# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # What a rollback of one key would change, before it does.
      #
      # @api private
      class Rollback < Page
        include Forms

        private

        def section = :keys
        def key = @key ||= Layered.whole(client, request.query("key").to_s)
        def to = request.number(request.query("to"))&.nonzero? || raise(Request::Malformed)
        def title = t(:roll_back)

        def content
          h.p(class: "trail") { key_link(key) }
          h.h1(t(:roll_back_to, revision: to))
          notice(:bad, @problem) if @problem
          snapshot.key?(key) # raises for a key that is not watched
          before, now = [to, nil].map { |at| History::Content.read(client, [[key, false]], at).rows[key] }
          shown(now, before)
        end

        def shown(now, before)
          return h.p(t(:not_changed_masked), class: "empty") if masked?(now, before)
          return h.p(t(:nothing_differs), class: "empty") if now&.value == before&.value

          h.p(t(:roll_back_advice), class: "lead")
          difference(key, now&.value, before&.value)
          web.write ? form(now) : h.p(t(:read_only), class: "empty")
        end

        def form(now)
          action_form("/rollback", key, now&.revision || 0, to:) do
            note("rollback-note", "/rollback")
            h.button(t(:roll_back), type: "submit", class: "primary")
          end
        end

        def masked?(*rows) = rows.any? { |row| web.mask.masked?(key, row&.value) }
      end
    end
  end
end
