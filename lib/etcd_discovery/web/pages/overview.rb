# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # How this process, its fleet and its cluster are.
      #
      # @api private
      class Overview < Page
        include Processes

        LIVE = %i[health charts processes members].freeze

        # Where another worker answers than the one that the page is about, it tells of itself in the table
        # alone.
        # With its pid: a browser that keeps its connection may never reach the other one again.
        def parts
          about_another? ? super.slice("processes").merge("pid" => Process.pid.to_s) : super
        end

        def lasting? = !about_another?

        # A browser that keeps its connection to another worker adopts it after some answers. With a fleet
        # their rows stay the same for a while, so an answer without them would leave the page stuck.
        def counted? = !request.query("pid").nil?

        private

        def about_another?
          asked = request.number(request.query("pid"))
          !asked.nil? && asked != Process.pid && alive?(asked)
        end

        # If the requested process has ended, the page shows the one that answers.
        def alive?(pid)
          Process.kill(0, pid)
          true
        rescue Errno::ESRCH, RangeError
          false
        rescue Errno::EPERM
          true
        end

        def section = :overview
        def title = t(:nav_overview)
        def stream = url("/stream/overview", pid: Process.pid)

        def content
          h.h1(title)
          live(:health)
          h.section(aria_labelledby: "charts") do
            h.h2(t(:last_minutes), id: "charts")
            live(:charts, class: "charts")
          end
          h.section(aria_labelledby: "processes") do
            h.h2(t(:processes), id: "processes")
            live(:processes)
          end
          h.section(aria_labelledby: "members") do
            h.h2(t(:members), id: "members")
            live(:members)
          end
        end

        def health
          now = client.status
          h.p(class: "headline") do
            state(*condition(now))
            h.span(t(:serving, keys: now.size, revision: now.revision))
          end
          h.dl(class: "facts") { facts(now) }
          notice(:bad, now.last_error.message) if now.last_error && condition(now).first != :good
        end

        def condition(now)
          return [:bad, t(:state_denied)] if now.state == :denied
          return [:bad, t(:state_stale)] if now.stale?
          return [:good, t(:state_live)] if now.healthy? || now.watched.empty?

          [:doubtful, t(:state_trouble)]
        end

        def facts(now)
          fact(:fact_process, "#{Socket.gethostname} · #{now.pid}")
          fact(:fact_followed, now.endpoint || "–")
          fact(:fact_version, now.server_version || "–")
          fact(:fact_age, seconds(now.age))
          fact(:fact_reconnects, now.reconnects)
          fact(:fact_relists, now.relists)
          fact(:fact_audits, t(:audits, count: now.audits, found: now.divergences))
          fact(:fact_watched, now.watched.map do |one|
                                one.empty? ? t(:everything) : Escape.cell(one)
                              end.join(" "))
          return unless now.invalid_keys.any?

          fact(:fact_invalid, now.invalid_keys.map do |key|
                                Escape.cell(key)
                              end.join(" "))
        end

        def fact(name, value)
          h.div do
            h.dt(t(name))
            h.dd(value)
          end
        end

        def charts
          collector = Collector.of(client)
          samples = collector.samples
          chart(:chart_rate, samples.map { |one| [one.time, one.rate] }, unit: :per_second)
          chart(:chart_age, samples.map { |one| [one.time, one.age] }, unit: :in_seconds,
                                                                       floor: client.config.max_staleness)
          chart(:chart_visible, collector.delays.map { |one| [one.time, one.milliseconds] },
                unit: :in_milliseconds, dots: true, floor: 10)
        end

        def chart(name, points, unit:, floor: 1, dots: false)
          chart = Chart.new(h, points, floor:)
          now = chart.any? ? t(unit, value: format("%.1f", chart.last)) : t(:no_figures)
          h.figure do
            h.figcaption do
              h.span(t(name))
              h.strong(now)
            end
            chart.draw(t(:chart_label, name: t(name), now:, top: format("%.1f", chart.top)), dots:)
            h.div(class: "scale", aria_hidden: "true") do
              h.span(t(:five_minutes_ago))
              h.span(t(:top, value: t(unit, value: format("%g", chart.top.round(1)))))
              h.span(t(:now))
            end
          end
        end
      end
    end
  end
end
