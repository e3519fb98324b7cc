# frozen_string_literal: true

module Bench
  # docs/performance.md and the chart beside it.
  class Report
    FOLDER = File.expand_path("../../docs", __dir__)

    def initialize(rows)
      @rows = rows
    end

    def write
      File.write(File.join(FOLDER, "reads.svg"), Chart.new(@rows.fetch("reads")).to_s)
      File.write(File.join(FOLDER, "performance.md"), text)
    end

    private

    def text
      <<~MARKDOWN
        # Performance

        Written by `bench/run` (`rake bench`) on #{Time.now.utc.strftime('%Y-%m-%d')}, all in one run. Times are
        medians, those of reads with the loop subtracted. Compare ratios, not figures: another machine has
        others, and so has this one when it is busy.

        #{Machine.lines.map { |line| "* #{line}" }.join("\n")}

        ![One read, in nanoseconds](reads.svg)

        #{@rows.map { |name, rows| "## #{name.capitalize}\n\n#{Table.new(rows)}" }.join("\n\n")}
      MARKDOWN
    end
  end
end
