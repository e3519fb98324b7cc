# frozen_string_literal: true

require_relative "clock_shim"

module Harness
  # The time of day of some processes is off by so many seconds. Start each with `env`.
  class ShiftedClock
    BODY = 'if (clock == CLOCK_REALTIME) time->tv_sec += atoi(getenv("SECONDS_OFF"));'
    private_constant :BODY

    def initialize(seconds)
      @seconds = seconds
      @shim = ClockShim.new(BODY)
    end

    def env = { **@shim.env, "SECONDS_OFF" => @seconds.to_s }
  end
end
