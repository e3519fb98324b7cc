# frozen_string_literal: true

require_relative "covering"
require_relative "etcds"
require_relative "factors"
require_relative "scale"
require_relative "ways"

module Field
  # Chooses the set-ups of a run from the arguments of `rake field`:
  #
  #     (none)              every pair of values
  #     short               every value that the installed programs allow; few puts
  #     7                   another table of every pair, with the seed 7
  #     3.6 nginx           only the rows with these values
  class Choice
    VALUES = FACTORS.values.flatten.freeze

    attr_reader :scale, :seed

    # @raise [ArgumentError] for an unknown argument
    def initialize(words)
      words = words.flat_map(&:split)
      @short = !words.delete("short").nil?
      @scale = @short ? SHORT : LONG
      seeds, @values = words.partition { |word| word.match?(/\A\d+\z/) }
      @seed = Integer(seeds.last || 1)
      wrong = @values - VALUES
      raise ArgumentError, "unknown: #{wrong.join(', ')}; known are #{VALUES.join(', ')}" if wrong.any?
    end

    # Whether the run covers the whole table.
    def whole? = !@short && @values.empty?

    # Whether to judge speed. A few puts on a busy machine say nothing about it.
    def judges_speed? = !@short

    # @return [Array<SetUp>] in the order of the table
    def set_ups
      chosen = table.select { |set_up| (@values - set_up.to_a).empty? }
      chosen = [SetUp.new(*@values)] if chosen.empty? && @values.size == FACTORS.size
      chosen.sort_by { |set_up| order(set_up) }
    end

    private

    def table
      plain, recommended = %i[plain recommended].map do |kind|
        factors[:etcd].map { |etcd| SetUp.public_send(kind, etcd) }
      end
      return Covering.new(candidates, strength: 1, seed: @seed, first: recommended).rows if @short

      Covering.new(candidates, strength: 2, seed: @seed, first: plain + recommended).rows
    end

    def candidates
      first, *others = factors.values
      first.product(*others).map { |values| SetUp.new(*values) }.select { |set_up| Field.possible?(set_up) }
    end

    def factors
      @factors ||= @short ? FACTORS.merge(etcd: [Etcds.installed], way: Ways.installed) : FACTORS
    end

    def order(set_up) = factors.values.zip(set_up.to_a).map { |values, value| values.index(value) || 0 }
  end
end
