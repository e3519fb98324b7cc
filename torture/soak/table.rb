# frozen_string_literal: true

module Soak
  # What each reader held after so many updates, and whether it grew.
  class Table
    # How much more the last may be than the first: memory is taken by the page, and the collector keeps some
    # objects that it cannot be sure of. One object left at each hundredth update would be more than that.
    MARGINS = { rss: 1.05, threads: 1, descriptors: 1, objects: 1.05 }.freeze
    HEAD = ["| reader | updates | RSS, KiB | threads | descriptors | Ruby objects |",
            "| --- | --- | --- | --- | --- | --- |"].freeze

    def initialize
      @rows = Hash.new { |rows, reader| rows[reader] = {} }
    end

    def add(reader, updates, figures) = @rows[reader][updates] = figures

    def lines = HEAD + @rows.flat_map { |reader, columns| columns.map { |column| line(reader, *column) } }

    # What grew, in words.
    def growth
      @rows.flat_map do |reader, columns|
        first, last = columns.values.values_at(0, -1)
        MARGINS.reject { |figure, margin| last[figure] <= first[figure] * margin }
               .map { |figure, _| "#{reader}: #{figure} grew from #{first[figure]} to #{last[figure]}" }
      end
    end

    private

    def line(reader, updates, figures)
      "| #{[reader, updates, *figures.values_at(*MARGINS.keys)].join(' | ')} |"
    end
  end
end
