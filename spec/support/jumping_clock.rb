# frozen_string_literal: true

require "fileutils"
require_relative "clock_shim"

module Harness
  # The time of day of some processes, which jumps while they run. Start each with `env`.
  class JumpingClock
    # An hour for each byte of one file forward, and of the other one back.
    BODY = <<~C
      struct stat hours;
      if (clock == CLOCK_REALTIME && stat(getenv("HOURS_FORWARD"), &hours) == 0) time->tv_sec += 3600 * hours.st_size;
      if (clock == CLOCK_REALTIME && stat(getenv("HOURS_BACK"), &hours) == 0) time->tv_sec -= 3600 * hours.st_size;
    C
    private_constant :BODY

    def initialize
      @shim = ClockShim.new(BODY, includes: %w[sys/stat.h])
      jump(0)
    end

    def env = { **@shim.env, "HOURS_FORWARD" => forward, "HOURS_BACK" => back }

    # Sets the clock so many seconds beside the machine's, in whole hours.
    def jump(seconds)
      hours = seconds / 3_600
      File.write(forward, "." * [hours, 0].max)
      File.write(back, "." * [-hours, 0].max)
    end

    private

    def forward = @shim.file("forward")
    def back = @shim.file("back")
  end
end
