# frozen_string_literal: true

require_relative "../doctor"

module EtcdDiscovery
  class CLI
    # Prints what the doctor finds, each line as soon as it is there.
    #
    # @api private
    class DoctorReport
      COLOURS = { fine: 32, doubtful: 33, wrong: 31 }.freeze
      INDENT = " " * 22
      private_constant :COLOURS, :INDENT

      # @param out [IO]
      # @param json [Boolean] whether to print a JSON document a line
      def initialize(out, json: false)
        @out = out
        @json = Output.new(out, json: true) if json
      end

      # @param doctor [Doctor]
      # @return [Symbol] the name of the exit status
      def print(doctor)
        worst = doctor.run { |finding| @json ? @json.line(finding.to_h) : show(finding) }
        { fine: :ok, doubtful: :doubtful, wrong: :failed }.fetch(worst)
      end

      private

      def show(finding)
        about = [finding.subject, finding.message].compact.map { |part| Escape.line(part) }.join(": ")
        @out.puts("#{painted(finding.level)}  #{finding.check.to_s.ljust(10)}  #{about}")
        @out.puts("#{INDENT}#{Escape.line(finding.advice)}") if finding.advice
        @out.flush
      end

      # As {Output} does it.
      def painted(level)
        text = level.to_s.ljust(8)
        return text unless @out.tty? && ENV["NO_COLOR"].to_s.empty?

        "\e[#{COLOURS.fetch(level)}m#{text}\e[0m"
      end
    end
  end
end
