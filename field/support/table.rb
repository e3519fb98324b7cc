# frozen_string_literal: true

require_relative "factors"
require_relative "result"

module Field
  # The results as a Markdown table, with the reasons for slow set-ups.
  class Table
    HEAD = [*FACTORS.keys.map(&:to_s), "p50", "p99", "plain p50", "plain p99", "× plain", "age",
            "promises"].freeze

    # @param results [Array<Result>]
    def initialize(results)
      @results = results
      @reasons = results.map(&:reason).compact.uniq
    end

    def to_s = [columns(HEAD), columns(HEAD.map { "---" }), *@results.map { |result| row(result) }].join

    # @return [Array<String>] the reasons, with the letters that the table uses
    def reasons = @reasons.map { |reason| "#{letter(reason)}: #{reason.text}" }

    private

    def row(result) = columns([*result.set_up.to_a, *times(result), promises(result)])

    def times(result)
      return ["–"] * 6 unless result.measured?

      figures = [result.p50, result.p99, result.plain_p50, result.plain_p99]
      [*figures.map { |seconds| milliseconds(seconds) }, ratio(result), age(result)]
    end

    def age(result) = result.age ? format("≤ %.1f s", result.age) : "–"

    def milliseconds(seconds) = "#{format(seconds < 0.1 ? '%.1f' : '%.0f', seconds * 1_000)} ms"

    def ratio(result)
      ratio = format("%.1f", result.ratio)
      return ratio unless result.slow?

      result.reason ? "#{ratio} (#{letter(result.reason)})" : "**#{ratio}**"
    end

    def letter(reason) = ("a".."z").to_a.fetch(@reasons.index(reason))

    def promises(result)
      return "not available: #{result.unavailable}" if result.unavailable

      return "failed to run: #{result.failure}" if result.failure && result.broken.empty?

      result.broken.empty? ? "kept" : "**broken**: #{result.broken.join('; ')}"
    end

    def columns(cells)
      "| #{cells.map { |cell| cell.gsub('|', '\\|').gsub(/\s+/, ' ') }.join(' | ')} |\n"
    end
  end
end
