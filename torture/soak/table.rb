# frozen_string_literal: true

module Soak
  # The resources of each reader after a number of updates, and whether they grew.
  class Table
    # The allowed ratio of the last figure to the first. Memory is allocated in pages, and the garbage
    # collector may keep some dead objects. One leaked object per hundred updates would exceed this.
    MARGINS = { rss: 1.05, threads: 1, descriptors: 1, objects: 1.05 }.freeze
    HEAD = ["| reader | updates | RSS, KiB | threads | descriptors | Ruby objects |",
            "| --- | --- | --- | --- | --- | --- |"].freeze

    def initialize
      @rows = Hash.new { |rows, reader| rows[reader] = {} }
    end

    def add(reader, updates, figures) = @rows[reader][updates] = figures

    def lines = HEAD + @rows.flat_map { |reader, columns| columns.map { |column| line(reader, *column) } }

    # @return [Array<String>] what grew
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
