# frozen_string_literal: true

module Bench
  module Scaling
    # A part of the measurements: the figures of one mode at one size, from an etcd of its own.
    class Part
      include Harness::DSL

      def initialize(mode, count, load)
        @mode = mode
        @count = count
        @load = load
      end

      # @return [Hash{Symbol => Numeric}] a figure for each of the FIGURES of the class
      def figures
        @etcd = start_etcd(flags: Changes::FLAGS)
        measure
      ensure
        Harness::Cleanup.close_all
      end
    end
  end
end
