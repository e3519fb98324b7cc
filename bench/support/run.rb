# frozen_string_literal: true

module Bench
  # Measures some or all parts. Each part returns rows; a row without a figure shows "not measured".
  class Run
    PARTS = {
      "reads" => -> { Reads.new.rows + LayeredReads.new.rows },
      "propagation" => -> { Propagation.new.rows + OrdinaryUser.new.rows },
      "following" => -> { Following.new.rows },
      "load" => -> { Load.new.rows },
      "boots" => -> { Boots.new.rows },
      "forks" => -> { Forks.new.rows },
      "memory" => -> { Memory.new.rows },
      "registrations" => -> { Registrations.new.rows },
      "subscriptions" => -> { Subscriptions.new.rows },
      "flags" => -> { Flags.new.rows },
      "fleet" => -> { Fleet.new.rows }
    }.freeze

    def initialize(names)
      unknown = names - PARTS.keys
      abort "unknown part: #{unknown.join(', ')}; known are #{PARTS.keys.join(', ')}" if unknown.any?

      @names = names.empty? ? PARTS.keys : names
    end

    def call
      rows = @names.to_h do |name|
        warn "measuring: #{name}"
        [name, PARTS.fetch(name).call]
      end
      puts Table.new(rows.values.flatten).to_s
      Report.new(rows).write if @names == PARTS.keys
    end
  end

  # One line of the result. `base` is the figure to compare with, in the same unit and from the same run.
  Row = Struct.new(:work, :figure, :unit, :against, :base, :target, keyword_init: true) do
    def ratio = figure && base ? figure.fdiv(base) : nil
  end
end
