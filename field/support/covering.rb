# frozen_string_literal: true

module Field
  # Chooses few rows of a large table so that every combination of `strength` values which occurs in the table
  # occurs in a chosen row: with 2 each pair of values, with 1 each value. It takes the row with most of what
  # is missing, until nothing is; the seed decides between equals.
  class Covering
    # @param candidates [Array<#to_a>] the whole table
    # @param first [Array<#to_a>] rows to begin with
    def initialize(candidates, strength:, seed:, first: [])
      @strength = strength
      @first = first
      @candidates = candidates.shuffle(random: Random.new(seed))
      @numbers = Hash.new { |numbers, combination| numbers[combination] = numbers.size }
      @combinations = @candidates.to_h { |row| [row, combinations(row)] }
    end

    # @return [Array<#to_a>]
    def rows
      chosen = @first.dup
      missing = Array.new(@numbers.size, true)
      loop do
        chosen.last(missing.all? ? chosen.size : 1).each { |row| mark(row, missing) }
        return chosen if missing.none?

        chosen << @candidates.max_by { |row| @combinations[row].count { |number| missing[number] } }
      end
    end

    private

    def combinations(row)
      row.to_a.each_with_index.to_a.combination(@strength).map { |combination| @numbers[combination] }
    end

    def mark(row, missing) = @combinations.fetch(row).each { |number| missing[number] = false }
  end
end
