# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # One key: its value, its history, and how to change it.
      #
      # @api private
      class Key < Page
        include Forms
        include Layers

        LIVE = %i[current layers spread past].freeze
        # Characters of a value that are shown.
        LONGEST = 20_000

        # After a write it also depends on who has it.
        def mark
          return if wrote

          name ? "k#{explanation.map(&:revision).join('-')}" : "k#{revision}"
        end

        # The layers belong to the moment, too.
        def refresh
          @explanation = nil
          super
        end

        private

        def section = :keys
        def key = @key ||= Layered.whole(client, request.query("key").to_s)
        def title = Escape.cell(key)
        def stream = url("/stream/key", key:, wrote: request.query("wrote"), past: request.query("past"))
        def field = Declared.field(client, key)
        def wrote = request.number(request.query("wrote"))

        def content
          h.p(class: "trail") { h.a(parent || t(:all_keys), href: url("/keys", prefix: parent)) }
          h.h1(title, class: "key", translate: "no")
          about
          notice(:bad, @problem) if @problem
          live(:spread)
          live(:current)
          live(:layers) if name
          change if web.write
          h.section(aria_labelledby: "history") do
            h.h2(t(:history), id: "history")
            live(:past)
          end
        end

        def parent
          found = key[%r{\A.*/(?=[^/]+/?\z)}m]
          found if found && snapshot.prefix(found)
        rescue UnwatchedKeyError
          nil
        end

        def about
          return if field.nil?

          h.p(field.description, class: "lead") if field.description
          h.p(rules(field), class: "hint")
        end

        def current
          now = snapshot[key]
          h.section(aria_labelledby: "now") do
            h.h2(t(:value_now), id: "now")
            h.div(id: row_id(key), data_version: revision, data_name: title) { whole(now) }
            h.p(t(:changed_at, revision:), class: "hint") if now
            lease
          end
        end

        # How long the key stays if its owner does not renew the lease. Only etcd knows.
        def lease
          left = Leases.of(client, snapshot, [key])[key.b]
          h.p(t(:lease_left, left: seconds(left)), class: "hint") if left
        end

        def revision = snapshot.mod_revision(key) || 0

        def whole(now)
          return notice(:doubtful, t(:masked)) if web.mask.masked?(key, now)
          return h.p(t(:no_such_key), class: "empty") if now.nil?

          h.pre(now.length > LONGEST ? "#{now[0, LONGEST]}…" : now, class: "value", translate: "no")
          h.p(bytes(now.bytesize), class: "hint") if now.bytesize > 1024
        end

        # Who has what was just written here.
        def spread
          return if wrote.nil?

          roll = Roll.of(client)
          roll ? spread_in(roll.reached(wrote)) : spread_here
        rescue EtcdDiscovery::Error
          spread_here
        end

        def spread_here
          reached = snapshot.revision >= wrote
          text = t(reached ? :wrote_here : :wrote_waiting, revision: wrote)
          notice(reached ? :good : :doubtful, text, id: "spread")
        end

        # A process that has forked the others serves no one, and does not count.
        def spread_in(report)
          reached, missing = [report.reached, report.missing].map do |answers|
            answers.select { |answer| answer.member.role == :worker }
          end
          text = t(:wrote_fleet, revision: wrote, reached: reached.size, total: reached.size + missing.size)
          notice(missing.empty? ? :good : :doubtful, text, id: "spread")
          h.p(t(:still_missing, names: missing.first(10).join(", ")), class: "hint") if missing.any?
        end

        def change
          h.section(aria_labelledby: "change") do
            h.h2(t(:change), id: "change")
            reason = fixed
            reason ? h.p(t(reason), class: "empty") : change_forms
          end
        end

        # Why the key is not changed here. What cannot be seen is not changed blindly.
        def fixed
          values = [snapshot[key], basis.value]
          return :not_changed_masked if values.any? { |value| web.mask.masked?(key, value) }
          return :not_changed_large if values.any? { |value| ValueText.form_of(value) == :large }

          :not_changed_log if client.config.change_log && key.b.start_with?(client.config.change_log.b)
        end

        # What the forms begin with, and are compared with.
        def basis = @basis ||= row_of(key)

        def change_forms
          basis.lease.zero? ? edit : h.p(t(:ends_by_itself), class: "empty")
          override
          deletion unless basis.value.nil?
        end

        def edit = edit_form(key, basis.value, basis.revision, field:)

        def deletion
          h.tag(:details, class: "more deletion", open: request.path == "/delete") do
            h.tag(:summary, t(:delete_key))
            h.p(t(field ? :delete_hint_declared : :delete_hint), class: "hint")
            delete_form(key, basis.revision)
          end
        end

        # The history of a key that is absent takes etcd more than a second, so it is shown on demand.
        def past
          now = snapshot[key]
          if now.nil? && request.query("past").nil?
            return h.p { h.a(t(:show_past), href: key_url(key, past: 1), class: "button") }
          end

          @past ||= Past.of(client)
          entries = @past.entries(key, revision, now)
          return h.p(t(:no_history), class: "empty") if entries.empty?

          h.ol(class: "history") do
            entries.each_with_index { |entry, at| h.li { change_of(entry, entries[at + 1]) } }
          end
        rescue EtcdDiscovery::Error => e
          notice(:doubtful, t(:history_unavailable, reason: e.message))
        end

        def change_of(entry, before)
          h.div(class: "what") do
            h.strong(t(:at_revision, revision: entry.revision))
            h.span(t(kind_of(entry, before)), class: "quiet")
            h.span(entry.by, class: "who") if entry.by
            time(entry.at) if entry.at
            way_back(entry)
          end
          h.p(entry.note, class: "note") if entry.note
          shown_change(entry, before)
        end

        def kind_of(entry, before)
          return :was_deleted if entry.type == :delete

          before&.value ? :was_changed : :was_created
        end

        def way_back(entry)
          return if !web.write || fixed || entry.value == snapshot[key]
          return if entry.value.nil? && entry.type == :put # etcd has compacted it away

          h.a(t(:roll_back_here), href: url("/rollback", key:, to: entry.revision))
        end

        def shown_change(entry, before)
          return if entry.value.nil? && entry.type == :put

          too_long = [before&.value, entry.value].compact.any? { |text| text.bytesize > LONGEST }
          too_long ? h.p(t(:too_long_to_compare), class: "hint") : difference(key, before&.value, entry.value)
        end
      end
    end
  end
end
