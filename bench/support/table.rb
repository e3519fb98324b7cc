# frozen_string_literal: true

module Bench
  # Formats rows as a Markdown table that is readable in a terminal too.
  class Table
    HEAD = %w[work measured against measured ratio target].freeze

    def initialize(rows)
      @rows = rows
    end

    def to_s
      lines = [HEAD] + @rows.map { |row| cells(row) }
      widths = lines.transpose.map { |column| column.map(&:length).max }
      rule = widths.map { |width| "-" * width }
      [lines.first, rule, *lines.drop(1)].map { |line| render(line, widths) }.join("\n")
    end

    private

    def render(line, widths)
      "| #{line.zip(widths).map { |cell, width| cell.ljust(width) }.join(' | ')} |"
    end

    def cells(row)
      ratio = row.ratio ? "#{number(row.ratio)} ×" : "–"
      base = row.against ? amount(row.base, row.unit) : "–"
      [row.work, amount(row.figure, row.unit), row.against || "–", base, ratio, row.target || "–"]
    end

    def amount(figure, unit) = figure ? "#{number(figure)} #{unit}" : "not measured"

    def number(figure)
      figure = figure.to_f
      return figure.round.to_s.gsub(/(\d)(?=(\d{3})+\z)/, '\1,') if figure.abs >= 1_000

      figure.abs >= 100 ? figure.round.to_s : format("%.3g", figure)
    end
  end
end
