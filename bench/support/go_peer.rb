# frozen_string_literal: true

require "fileutils"
require "json"
require "open3"

module Bench
  # Runs the same work with etcd's own Go client: bench/peers/go, built on first use.
  module GoPeer
    FOLDER = File.expand_path("../peers/go", __dir__)
    # In this tree: another one may have another version of it.
    BINARY = File.expand_path("../../tmp/bench/go-peer", __dir__)

    module_function

    def available? = !binary.nil?

    # Runs it to its end, and returns its report.
    def run(*arguments)
      out, status = Open3.capture2(binary, *arguments)
      raise "the Go peer failed: #{arguments.join(' ')}" unless status.success?

      JSON.parse(out, symbolize_names: true)
    end

    # Runs it in parallel: yields once it is ready, and returns its report.
    def beside(*arguments)
      Open3.popen2(binary, *arguments) do |input, output|
        input.close
        raise "the Go peer did not start" unless output.gets == "ready\n"

        yield
        JSON.parse(output.read, symbolize_names: true)
      end
    end

    def binary
      return @binary if defined?(@binary)

      FileUtils.mkdir_p(File.dirname(BINARY))
      built = system("go", "build", "-o", BINARY, ".", chdir: FOLDER)
      warn "cannot build the Go peer: comparisons with Go are skipped" unless built
      @binary = (BINARY if built)
    end
  end
end
