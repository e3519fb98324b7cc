# frozen_string_literal: true

module Bench
  # A bar chart with a logarithmic scale, because a network round trip takes a thousand times as long as a
  # local read.
  class Chart
    WIDTH = 760
    LABELS = 330
    BAR = 22
    COLOURS = { true => "#2f6f4f", false => "#9aa5b1" }.freeze

    def initialize(rows)
      @bars = rows.select(&:figure).map { |row| [row.work, row.figure] }
      @low = 10**Math.log10(@bars.map(&:last).min.clamp(1, nil)).floor
      @high = @bars.map(&:last).max
    end

    def to_s
      <<~SVG
        <svg xmlns="http://www.w3.org/2000/svg" width="#{WIDTH}" height="#{(@bars.size * BAR) + 40}"
             font-family="sans-serif" font-size="12">
        <rect width="100%" height="100%" fill="white"/>
        <text x="10" y="18" font-weight="bold">One read, nanoseconds (logarithmic)</text>
        #{@bars.each_with_index.map { |(name, figure), index| bar(name, figure, index) }.join("\n")}
        </svg>
      SVG
    end

    private

    def bar(name, figure, index)
      y = 30 + (index * BAR)
      length = length(figure)
      colour = COLOURS[name.include?("EtcdDiscovery")]
      shown = figure < 1_000 ? figure.round(1) : figure.round
      <<~SVG.chomp
        <text x="#{LABELS - 8}" y="#{y + 14}" text-anchor="end">#{name.encode(xml: :text)}</text>
        <rect x="#{LABELS}" y="#{y + 3}" width="#{length}" height="#{BAR - 8}" fill="#{colour}"/>
        <text x="#{LABELS + length + 6}" y="#{y + 14}">#{shown}</text>
      SVG
    end

    def length(figure)
      share = Math.log10(figure.clamp(@low, nil).fdiv(@low)) / Math.log10(@high.fdiv(@low))
      ((WIDTH - LABELS - 90) * [share, 0.01].max).round(1)
    end
  end
end
