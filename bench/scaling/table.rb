# frozen_string_literal: true

require_relative "../support/markdown"

module Bench
  module Scaling
    # The figures of several modes, as a Markdown table: a column for each size, and a row for each figure and
    # mode that has it.
    class Table
      # @param figures [Hash{Symbol => String}] the name of each figure
      # @param results [Hash{String => Hash{Integer => Hash{Symbol => Numeric}}}] by mode and size
      # @param size [String] what is counted in the columns
      def initialize(figures, results, size)
        @figures = figures
        @results = results
        @size = size
      end

      def to_s = Markdown.table([head, *rows])

      def self.number(figure)
        return "–" if figure.nil?
        return format("%.2g", figure) unless figure.is_a?(Integer) || figure.abs >= 100

        Markdown.whole(figure)
      end

      private

      def head
        sizes = @results.values.flat_map(&:keys).uniq
        ["", @size, *sizes.map { |size| Table.number(size) }]
      end

      def rows
        @figures.flat_map do |key, name|
          @results.filter_map do |mode, sizes|
            figures = sizes.values.map { |each| each[key] }
            [name, mode, *figures.map { |figure| Table.number(figure) }] if figures.any?
          end
        end
      end
    end
  end
end
