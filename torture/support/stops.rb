# frozen_string_literal: true

module Torture
  # When the run has stopped which process (SIGSTOP). The reads of a stopped process take as long as it stands
  # still.
  class Stops
    # A process beats within this many seconds after it continues.
    HINDSIGHT = 2

    Stop = Struct.new(:from, :to)

    def initialize
      @stops = Hash.new { |stops, pid| stops[pid] = [] }
    end

    def stopped(pid) = @stops[pid] << Stop.new(Harness.now)

    # Notes that all processes run again.
    def continued = @stops.each_value { |stops| stops.each { |stop| stop.to ||= Harness.now } }

    # Whether the process stood still since the beat before this one.
    def before?(beat)
      @stops[beat.pid].any? do |stop|
        stop.from < beat.time && (stop.to.nil? || beat.time < stop.to + HINDSIGHT)
      end
    end
  end
end
