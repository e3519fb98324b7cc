# frozen_string_literal: true

module Bench
  module Faults
    # Runs some or all faults, each several times.
    class Trial
      ROUNDS = Integer(ENV.fetch("FAULT_ROUNDS", 5))

      def initialize(names)
        @names = names.map(&:to_sym)
        unknown = @names - Scenes::ALL.keys
        abort "no such fault: #{unknown.join(', ')}; there are #{Scenes::ALL.keys.join(', ')}" if unknown.any?
      end

      def call
        chosen = @names.empty? ? Scenes::ALL.keys : @names
        results = chosen.flat_map { |name| results_of(name) }
        puts Document.table(results)
        Document.write(results) if @names.empty?
        exit 1 unless results.all?(&:held?)
      ensure
        Harness::Cleanup.close_all
      end

      private

      def results_of(name)
        warn "measuring: #{name}"
        fault, bounds = Scenes::ALL.fetch(name)
        rounds = Array.new(ROUNDS) { scenes.play(name) }
        bounds.zip(rounds.transpose).map { |(what, bound), times| Result.new(fault, what, bound, times) }
      end

      def scenes = @scenes ||= Scenes.new
    end

    # The measurements of one fault. `times` and `bound` are in seconds.
    Result = Struct.new(:fault, :what, :bound, :times) do
      def median = Stopwatch.median(times)

      def held? = times.max <= bound
    end
  end
end
