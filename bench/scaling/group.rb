# frozen_string_literal: true

require "fileutils"
require "tmpdir"

module Bench
  module Scaling
    # Processes that hold the keys and answer to lines, each for itself or for the workers that it forked.
    class Group
      LIMIT = 300

      # The pids of the workers.
      attr_reader :workers

      # `workers` is the number of answers to a line, the same from each process.
      def initialize(processes, workers: processes.size)
        @processes = processes
        @each = workers / processes.size
        @workers = answers
        @folder = Dir.mktmpdir("arrivals-")
        Harness::Cleanup.add(self)
      end

      # The pids of all processes.
      def pids = (@processes.map(&:pid) + workers).uniq

      # Waits until every worker has this revision.
      def reach(revision) = ask("reach #{revision}")

      # Makes every worker note when it is notified of a change.
      def listen = ask("listen")

      # What each worker has noted: nanoseconds from a put to its arrival, by the time of the put.
      #
      # @return [Array<Hash{Integer => Integer}>]
      def arrivals
        ask("arrivals #{@folder}")
        workers.map do |pid|
          times = File.binread(File.join(@folder, pid.to_s)).unpack("q*")
          times.each_slice(2).to_h { |put, arrival| [put, arrival - put] }
        end
      end

      def close
        @processes.each(&:close)
        FileUtils.rm_rf(@folder)
      end

      private

      def ask(line)
        @processes.each { |process| process.tell(line) }
        answers
      end

      def answers
        @processes.flat_map { |process| Array.new(@each) { process.heard(timeout: LIMIT) } }
      end
    end
  end
end
