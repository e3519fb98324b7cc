# frozen_string_literal: true

require_relative "markdown"

module Bench
  # The rows of a run as a Markdown table.
  class Table
    HEAD = %w[work measured against measured ratio target].freeze

    def initialize(rows)
      @rows = rows
    end

    def to_s = Markdown.table([HEAD, *@rows.map { |row| cells(row) }])

    private

    def cells(row)
      ratio = row.ratio ? "#{number(row.ratio)} ×" : "–"
      base = row.against ? amount(row.base, row.unit) : "–"
      [row.work, amount(row.figure, row.unit), row.against || "–", base, ratio, row.target || "–"]
    end

    def amount(figure, unit) = figure ? "#{number(figure)} #{unit}" : "not measured"

    def number(figure)
      figure.abs >= 100 ? Markdown.whole(figure) : format("%.3g", figure)
    end
  end
end
