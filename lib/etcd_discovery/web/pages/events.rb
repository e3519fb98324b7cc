# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # What happened to this process lately.
      #
      # @api private
      class Events < Page
        LIVE = %i[list].freeze
        MOST = 200
        KINDS = { info: :good, warn: :doubtful, error: :bad }.freeze
        private_constant :MOST, :KINDS

        private

        def section = :events
        def title = t(:nav_events)
        def stream = url("/stream/events")

        def content
          h.h1(title)
          h.p(t(:events_hint), class: "lead")
          live(:list)
        end

        def list
          found = recent
          return h.p(t(:no_events), class: "empty") if found.empty?

          table(title) do
            columns(:col_time, :col_event, :col_what, :col_pid)
            h.tbody { found.each { |event| row(*event) } }
          end
        end

        # The process keeps the last 1,000 events of its clients for those who are slow to read them.
        def recent
          _, _, found = client.native_drain(0)
          (found || []).last(MOST).reverse
        end

        def row(name, time, payload, _origin)
          level = EventType[name].level(payload)
          h.tr(id: "e-#{Process.pid}-#{(time * 1_000_000).to_i}-#{name}") do
            cell(:col_time) { time(Time.at(time)) }
            cell(:col_event) { state(KINDS.fetch(level), name) }
            cell(:col_what, words(name, payload))
            cell(:col_pid, Process.pid, class: "number")
          end
        end

        # A process that goes on where its parent was has no line in the log.
        def words(name, payload)
          EtcdDiscovery::Events::Messages.of(name, payload) || EventType[name].doc
        end
      end
    end
  end
end
