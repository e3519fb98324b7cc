# frozen_string_literal: true

require_relative "../../bench/support/machine"
require_relative "../../rakelib/marked_section"
require_relative "etcds"
require_relative "table"

module Field
  # The section of docs/compatibility.md that a run of the whole table writes.
  module Document
    FILE = File.expand_path("../../docs/compatibility.md", __dir__)
    SECTION = MarkedSection.new("<!-- This is written by `rake field`. -->\n",
                                "<!-- End of what `rake field` writes. -->\n")

    module_function

    # @param choice [Choice]
    # @param results [Array<Result>]
    # @param load_before [String] the load average when the run began
    def write(choice, results, load_before)
      SECTION.write(FILE) { text(choice, results, load_before) }
    end

    def text(choice, results, load_before)
      table = Table.new(results)
      [head(choice, results, load_before), table, list(table.reasons), rules].join("\n")
    end

    def head(choice, results, load_before)
      <<~MARKDOWN
        Run of #{Time.now.utc.strftime('%F')} with seed #{choice.seed}: #{results.size} set-ups, #{choice.scale.puts} puts each
        (#{choice.scale.huge_puts} of huge values).

        #{list([*Bench::Machine.lines, "load average #{load_before} at the start"])}
      MARKDOWN
    end

    def rules = "Impossible set-ups:\n\n#{list(RULES.map(&:reason))}"

    def list(lines) = lines.map { |line| "* #{line}\n" }.join
  end
end
