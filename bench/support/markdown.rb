# frozen_string_literal: true

module Bench
  # Markdown that is readable in a terminal too.
  module Markdown
    module_function

    # @param lines [Array<Array<String>>] the cells; the first line is the head
    # @return [String] a table
    def table(lines)
      widths = lines.transpose.map { |column| column.map(&:length).max }
      [lines.first, widths.map { |width| "-" * width }, *lines.drop(1)].map do |line|
        "| #{line.zip(widths).map { |cell, width| cell.ljust(width) }.join(' | ')} |"
      end.join("\n")
    end

    # @return [String] such as "12,345"
    def whole(number) = number.round.to_s.gsub(/(\d)(?=(\d{3})+\z)/, '\1,')
  end
end
