# frozen_string_literal: true

module Field
  # Chooses a few rows of a large table that together contain every combination of `strength` values: with 2
  # every pair of values, with 1 every value.
  #
  # It repeatedly takes the row with the most missing combinations. The seed decides between equal rows.
  class Covering
    # @param candidates [Array<#to_a>] the whole table
    # @param first [Array<#to_a>] rows that are always chosen
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
