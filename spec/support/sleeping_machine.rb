# frozen_string_literal: true

require "fileutils"
require_relative "clock_shim"

module Harness
  # A machine that sleeps, as some processes see it. They do nothing for a while, and when they continue,
  # their monotonic clock has not counted that time; the other clocks have. Start each process with `env`.
  class SleepingMachine
    # The monotonic clock is behind by one second for each byte of the file.
    BODY = <<~C
      struct stat asleep;
      int stands_still = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE;
      if (stands_still && stat(getenv("SECONDS_ASLEEP"), &asleep) == 0) time->tv_sec -= asleep.st_size;
    C
    private_constant :BODY

    # Why this is not available here; `nil` if it is.
    def self.missing
      linux = RbConfig::CONFIG["host_os"].match?("linux")
      return "the shim that holds the monotonic clock still is for Linux" unless linux

      "the shim takes a C compiler (cc)" unless system("cc", "--version", %i[out err] => File::NULL)
    end

    def initialize
      @shim = ClockShim.new(BODY, includes: %w[sys/stat.h])
      FileUtils.touch(asleep)
    end

    def env = { **@shim.env, "SECONDS_ASLEEP" => asleep }

    # Makes `process` sleep for whole seconds, and until the block is done.
    def suspend(process, seconds)
      stop(process)
      begun = Harness.now
      yield if block_given?
      sleep [begun + seconds - Harness.now, 0].max
      slept(Harness.now - begun)
    ensure
      process.signal(:CONT)
    end

    private

    def stop(process)
      process.signal(:STOP)
      WaitUntil.wait_until("the process to stand still") do
        File.read("/proc/#{process.pid}/stat")[/\) (\w)/, 1] == "T"
      end
    end

    def slept(seconds) = File.write(asleep, "." * (File.size(asleep) + seconds.floor))

    def asleep = @shim.file("asleep")
  end
end
