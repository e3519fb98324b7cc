# frozen_string_literal: true

require "socket"

module EtcdDiscovery
  class Web
    module Pages
      # The tables of processes and of etcd's members on the overview.
      #
      # @api private
      module Processes
        MOST = 500
        private_constant :MOST

        private

        # With a fleet all of its members; without one a process knows only itself. Where each answer comes
        # from another worker, the page keeps the rows of all that have answered.
        def processes
          roll = Roll.of(client)
          roll ? fleet(roll) : alone
        rescue EtcdDiscovery::Error => e
          notice(:doubtful, t(:fleet_unavailable, reason: e.message))
          alone
        end

        def fleet(roll)
          report = roll.state
          answers = report.reached + report.missing
          rows = answers.map { |answer| [answer, condition_of(answer)] }
          rows += roll.gone(report).map { |seen| [Fleet::Answer.new(seen.member), *gone(seen)] }
          rows.sort_by! { |answer,| [answer.host, answer.pid] }
          table(t(:processes)) do
            columns(:col_host, :col_pid, :col_state, :col_revision, :col_age, :col_reconnects, :col_memory,
                    :col_since)
            h.tbody { rows.first(MOST).each { |row| member_row(*row) } }
          end
          h.p(t(:fleet_hint, count: answers.size), class: "hint")
        end

        def member_row(answer, condition, hint = nil)
          member = answer.member
          h.tr(id: "p-#{member.host}-#{member.pid}") do
            cell(:col_host) { above(short(member.program), title: member.program) { h.text(member.host) } }
            cell(:col_pid, member.pid, class: "number")
            cell(:col_state) { above(hint) { state(*condition) } }
            cell(:col_revision, answer.revision, class: "number")
            cell(:col_age, (seconds(answer.age) if answer.age), class: "number")
            cell(:col_reconnects, answer.reconnects, class: "number")
            cell(:col_memory, (bytes(answer.rss) if answer.rss), class: "number")
            cell(:col_since) { time(member.started_at) }
          end
        end

        def above(hint, **attributes)
          yield
          h.div(hint, class: "hint", **attributes) if hint
        end

        # It has ended, or hung until its lease ran out: from here that looks the same.
        def gone(seen)
          at = (seen.answered || seen.listed).getlocal.strftime("%H:%M:%S")
          [[:doubtful, t(:gone)], t(seen.answered ? :last_answer : :last_seen, at:)]
        end

        # A title may hold a whole command line.
        def short(program)
          program.to_s.length > 22 ? "#{program[0, 21]}…" : program
        end

        def condition_of(answer)
          return [:bad, t(:no_answer)] if answer.revision.nil?
          return [:bad, t(:state_stale)] if stale?(answer)

          answer.reached? ? [:good, t(:state_live)] : [:doubtful, t(:behind)]
        end

        # A member of an older version does not say so itself.
        def stale?(answer)
          answer.stale?.nil? ? answer.age > client.config.max_staleness : answer.stale?
        end

        def alone
          table(t(:processes)) do
            columns(:col_host, :col_pid, :col_state, :col_revision, :col_age, :col_reconnects, :col_memory)
            h.tbody(data_merge: "60") { own_row(client.status) }
          end
          h.p(t(:processes_hint), class: "hint") unless client.config.fleet
        end

        def own_row(now)
          h.tr(id: "p-#{Socket.gethostname}-#{now.pid}") do
            cell(:col_host, Socket.gethostname)
            cell(:col_pid, now.pid, class: "number")
            cell(:col_state) { state(*condition(now)) }
            cell(:col_revision, now.revision, class: "number")
            cell(:col_age, seconds(now.age), class: "number")
            cell(:col_reconnects, now.reconnects, class: "number")
            cell(:col_memory, (bytes(memory) if memory), class: "number")
          end
        end

        def memory = @memory ||= ResidentMemory.bytes

        def members
          found = Gateway.of(client).members
          return h.p(t(:no_members), class: "empty") if found.empty?

          table(t(:members)) do
            columns(:col_member, :col_state, :col_version, :col_role, :col_latency, :col_size)
            h.tbody { found.each { |member| etcd_row(member) } }
          end
        end

        def etcd_row(member)
          h.tr(id: row_id(member.endpoint)) do
            cell(:col_member, member.endpoint)
            cell(:col_state) { member.problem ? state(:bad, t(:no_answer)) : state(:good, t(:answers)) }
            cell(:col_version, member.version)
            cell(:col_role, role(member))
            cell(:col_latency, (seconds(member.seconds) if member.seconds), class: "number")
            cell(:col_size, (bytes(member.bytes) if member.bytes), class: "number")
          end
        end

        def role(member)
          return if member.leader.nil?

          t(member.leader ? :leader : :follower)
        end
      end
    end
  end
end
