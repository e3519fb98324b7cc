# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # What happened lately to this process, and to the others of its fleet.
      #
      # @api private
      class Events < Page
        LIVE = %i[list].freeze
        MOST = 200
        KINDS = { info: :good, warn: :doubtful, error: :bad }.freeze
        Row = Struct.new(:name, :time, :payload, :host, :pid)
        private_constant :MOST, :KINDS, :Row

        private

        def section = :events
        def title = t(:nav_events)
        def stream = url("/stream/events")
        def fleet? = !client.config.fleet.nil?

        def content
          h.h1(title)
          h.p(t(fleet? ? :events_hint_fleet : :events_hint), class: "lead")
          live(:list)
        end

        def list
          rows = (own + others).sort_by(&:time).last(MOST).reverse
          return h.p(t(:no_events), class: "empty") if rows.empty?

          table(title) do
            columns(:col_time, :col_event, :col_what, *(:col_host if fleet?), :col_pid)
            h.tbody { rows.each { |one| row(one) } }
          end
        end

        # The process keeps the last 1,000 events of its clients for those who are slow to read them.
        def own
          _, _, found = client.native_drain(0)
          found.to_a.last(MOST).map do |name, seconds, payload|
            Row.new(name, Time.at(seconds), payload, Fleet::Membership.host, Process.pid)
          end
        end

        # The members are asked only while someone looks.
        def others
          answers = answers_of_others
          silent(answers.reject(&:events))
          answers.flat_map { |answer| rows_of(answer) }
        rescue EtcdDiscovery::Error => e
          notice(:doubtful, t(:fleet_unavailable, reason: e.message))
          []
        end

        def answers_of_others
          report = Roll.of(client)&.events or return []

          own = "#{Fleet::Membership.host}-#{Process.pid}"
          (report.reached + report.missing).reject { |answer| answer.member.id == own }
        end

        def rows_of(answer)
          answer.events.to_a.map do |event|
            Row.new(event.name, event.time, event.payload, answer.host, answer.pid)
          end
        end

        # They hang, or have a version that tells no events.
        def silent(answers)
          return if answers.empty?

          names = answers.first(10).map { |answer| answer.member.to_s }.join(", ")
          notice(:doubtful, t(:events_missing, names:))
        end

        def row(one)
          level = EventType[one.name].level(one.payload)
          h.tr(id: "e-#{one.host}-#{one.pid}-#{(one.time.to_f * 1_000_000).to_i}-#{one.name}") do
            cell(:col_time) { time(one.time) }
            cell(:col_event) { state(KINDS.fetch(level), one.name) }
            cell(:col_what, words(one.name, one.payload))
            cell(:col_host, one.host) if fleet?
            cell(:col_pid, one.pid, class: "number")
          end
        end

        # A process that goes on where its parent was has no line in the log. An answer that anyone may have
        # written need not have what a line is made of.
        def words(name, payload)
          EtcdDiscovery::Events::Messages.of(name, payload) || EventType[name].doc
        rescue StandardError
          EventType[name].doc
        end
      end
    end
  end
end
