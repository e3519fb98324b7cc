# frozen_string_literal: true

require "optparse"

module Bench
  module Scaling
    # How much one run does. `per_second` and `slowly` are changes per second, the latter for many sessions;
    # `idle` and `away` are seconds; `content` is the number of keys of the large content, which at most
    # `content_workers` workers hold.
    Load = Struct.new(:keys, :changes, :per_second, :slowly, :idle, :away, :content, :content_workers,
                      keyword_init: true) do
      def self.full
        new(keys: 1_000, changes: 1_000, per_second: 200, slowly: 10, idle: 10, away: 10, content: 100_000,
            content_workers: 16)
      end

      def self.quick
        new(keys: 100, changes: 50, per_second: 200, slowly: 50, idle: 0.5, away: 0.5, content: 1_000,
            content_workers: 4)
      end
    end

    # What one run measures, from the command line.
    class Options
      PARTS = %w[hosts content sessions].freeze

      # @return [Array<String>] some of {PARTS}
      attr_reader :parts
      # @return [Array<Integer>] the numbers of workers
      attr_reader :workers
      # @return [Array<Integer>] the numbers of sessions
      attr_reader :sessions
      # @return [Array<String>] some of {Modes::ALL}
      attr_reader :modes
      # @return [Load]
      attr_reader :load

      def initialize(words)
        @workers = [1, 4, 16, 32, 64]
        @sessions = [250, 1_000]
        @modes = Modes::USUAL
        @load = Load.full
        @parts = parser.parse(words)
        check("part", @parts, PARTS)
        check("mode", @modes, Modes::ALL.keys)
        @parts = PARTS if @parts.empty?
      rescue OptionParser::ParseError => e
        abort e.message
      end

      # @return [Boolean] whether the tables replace those in the documentation
      def write? = @write

      private

      def parser
        OptionParser.new do |option|
          option.on("--workers N,…", Array) { |numbers| @workers = integers(numbers) }
          option.on("--sessions N,…", Array) { |numbers| @sessions = integers(numbers) }
          option.on("--modes MODE,…", Array) { |modes| @modes = modes }
          option.on("--quick") { quick }
          option.on("--write") { @write = true }
        end
      end

      def quick
        @workers = [1, 4]
        @sessions = [8]
        @load = Load.quick
      end

      def integers(numbers) = numbers.map { |number| Integer(number, 10) }

      def check(what, given, known)
        unknown = given - known
        abort "unknown #{what}: #{unknown.join(', ')}; known are #{known.join(', ')}" if unknown.any?
      end
    end
  end
end
