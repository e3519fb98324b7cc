# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "cleanup"

module Harness
  # The time of day of some processes is off by so many seconds. Start each with `env`.
  class ShiftedClock
    SHIM = <<~C
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <stdlib.h>
      #include <time.h>

      static int (*real)(clockid_t, struct timespec *);

      int clock_gettime(clockid_t clock, struct timespec *time) {
        if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
        int result = real(clock, time);
        if (clock == CLOCK_REALTIME) time->tv_sec += atoi(getenv("SECONDS_OFF"));
        return result;
      }
    C

    def initialize(seconds)
      @seconds = seconds
      @folder = Dir.mktmpdir("shifted-clock-")
      Cleanup.add(self)
      source = File.join(@folder, "shim.c")
      File.write(source, SHIM)
      system("cc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl", exception: true)
    end

    def env = { "LD_PRELOAD" => shim, "SECONDS_OFF" => @seconds.to_s }

    def close = FileUtils.rm_rf(@folder)

    private

    def shim = File.join(@folder, "shim.so")
  end
end
