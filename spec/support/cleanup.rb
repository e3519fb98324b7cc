# frozen_string_literal: true

module Harness
  # Everything that specs start answers to `close`. It is closed in the reverse order of its start: at the end
  # of the example or group that started it, or at exit when a run was interrupted.
  module Cleanup
    @open = []
    @marks = []
    @owner = Process.pid

    class << self
      def add(thing)
        at_exit { close_all } unless @at_exit
        @at_exit = true
        @open << thing
        thing
      end

      # The reports of open things, for the message of a failed example.
      def reports = @open.select { |thing| thing.respond_to?(:report) }.flat_map { |thing| said_by(thing) }

      def enter = @marks.push(@open.size)

      def leave = close_down_to(@marks.pop)

      # A forked child inherits this list and the at_exit block, but the things belong to its parent.
      def close_all = @owner == Process.pid && close_down_to(0)

      private

      def close_down_to(size)
        close_one(@open.pop) while @open.size > size
      end

      def said_by(thing)
        thing.report.lines(chomp: true)
      rescue StandardError => e
        ["#{thing.class} could not tell its state: #{e.message}"]
      end

      # If one cannot be closed, the others must still be.
      def close_one(thing)
        thing.close
      rescue StandardError => e
        warn "could not close #{thing.class}: #{e.full_message}"
      end
    end
  end
end
