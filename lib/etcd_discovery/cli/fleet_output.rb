# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # What {Output} prints of the fleet and of a rollout.
    #
    # @api private
    module FleetOutput
      # The slowest member first, and before all those that do not answer.
      def fleet(report)
        answers = report.missing + report.reached.reverse
        return answers.each { |answer| document(member(answer)) } if @json

        rows = answers.map { |answer| member_row(answer) }
        columns(rows, answers.map { |answer| Output::COLOURS[false] unless answer.reached? })
        report(report)
      end

      def report(report)
        return document(report.to_h) if @json

        @out.puts(painted(Escape.line(report.to_s), Output::COLOURS.fetch(report.complete?)))
        @out.flush
      end

      def progress(progress)
        return document(progress.to_h) if @json

        @out.puts(painted(Escape.line(progress.to_s), Output::COLOURS[progress.stage]))
        @out.flush
      end

      private

      def member(answer)
        answer.to_h.merge(answer.member.to_h.slice(:program, :version, :started_at, :layers))
      end

      def member_row(answer)
        member = answer.member
        after = Fleet::Report.duration(answer.seconds) if answer.reached?
        [member.host, member.pid, member.role, "#{after || answer.problem}#{', stale' if answer.stale?}",
         answer.revision, *health(answer), member.version, member.program]
      end

      def health(answer)
        [("#{answer.reconnects} reconnects" if answer.reconnects),
         (format("%.1f MiB", answer.rss / 1_048_576.0) if answer.rss)]
      end
    end
  end
end
