# frozen_string_literal: true

require_relative "../marked_section"

module Matrix
  # The table of all rows in docs/compatibility.md. A run replaces only the line of its row.
  module Table
    MARKS = ["<!-- The table is made by `rake matrix`. -->\n", "<!-- End of the table. -->\n"].freeze
    SECTION = MarkedSection.new(*MARKS)
    COLUMNS = %w[environment row versions ran passed failed skipped seconds date].freeze

    # The result of one run of a row. `ran` names its tests, or says why there are none. `skipped` is the
    # number of skipped tests with the reasons.
    Result = Struct.new(:row, :versions, :ran, :passed, :failed, :skipped, :seconds, :date,
                        keyword_init: true) do
      # Whether nothing failed. A version that is not available is not a failure.
      def passed? = failed.to_i.zero?
    end

    module_function

    # @param results [Array<Result>]
    # @return [String] the document with these results; rows without any result show "not run yet"
    def update(document, results, rows: ROWS)
      SECTION.replace(document) { |table| renewed(table, results, rows:) }
    end

    # @return [String] the table with these results
    def renewed(table, results, rows: ROWS) = [*head, *body(rows, lines(table), results)].join

    def body(rows, old, results)
      new = results.to_h { |result| [result.row.name, line(result)] }
      rows.map { |row| new[row.name] || old[row.name] || line(Result.new(row:, ran: "not run yet")) }
    end

    # @return [Hash{String => String}] the line of each row by its name
    def lines(table)
      rows = table.lines.grep(/\A\| .* \| `/)
      rows.to_h { |line| [line.split("|")[2].delete(" `"), line] }
    end

    def head = [columns(COLUMNS), columns(COLUMNS.map { "---" })]

    def line(result)
      cells = [result.row.title, "`#{result.row.name}`", result.versions, result.ran, result.passed,
               result.failed, result.skipped, result.seconds, result.date]
      columns(cells.map { |cell| cell.nil? ? "–" : cell.to_s.gsub("|", "\\|").gsub(/\s+/, " ") })
    end

    def columns(cells) = "| #{cells.join(' | ')} |\n"
  end
end
