# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "cleanup"

module Harness
  # A library in C that stands in for `clock_gettime` in the processes that load it.
  class ClockShim
    # @param includes [Array<String>] headers besides those that every shim needs
    # @param body [String] what is done with `clock` and `time` after the real call
    def initialize(body, includes: [])
      @folder = Dir.mktmpdir("clock-shim-")
      Cleanup.add(self)
      source = file("shim.c")
      File.write(source, code(body, includes))
      system("cc", "-shared", "-fPIC", "-O1", "-o", file("shim.so"), source, "-ldl", exception: true)
    end

    # @return [Hash] the environment of a process that loads it
    def env = { "LD_PRELOAD" => file("shim.so") }

    # @return [String] a path in the folder of the shim, which goes with it
    def file(name) = File.join(@folder, name)

    def close = FileUtils.rm_rf(@folder)

    private

    def code(body, includes)
      <<~C
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <time.h>
        #{includes.map { |header| "#include <#{header}>" }.join("\n")}

        static int (*real)(clockid_t, struct timespec *);

        int clock_gettime(clockid_t clock, struct timespec *time) {
          if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
          int result = real(clock, time);
          #{body}
          return result;
        }
      C
    end
  end
end
