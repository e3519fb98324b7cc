# frozen_string_literal: true

require "json"
require "open3"
require "tmpdir"

module Bench
  # The same work by etcd's own Go client: bench/peers/go, built when it is first needed.
  module GoPeer
    FOLDER = File.expand_path("../peers/go", __dir__)

    module_function

    def available? = !binary.nil?

    # Runs to its end, and gives what it reports.
    def run(*arguments)
      out, status = Open3.capture2(binary, *arguments)
      raise "the Go peer failed: #{arguments.join(' ')}" unless status.success?

      JSON.parse(out, symbolize_names: true)
    end

    # Runs beside us: yields once it is ready, and gives what it reports at its end.
    def beside(*arguments)
      Open3.popen2(binary, *arguments) do |input, output|
        input.close
        raise "the Go peer did not begin" unless output.gets == "ready\n"

        yield
        JSON.parse(output.read, symbolize_names: true)
      end
    end

    def binary
      return @binary if defined?(@binary)

      path = File.join(Dir.tmpdir, "etcd_discovery-bench-go-peer-#{Process.uid}")
      built = system("go", "build", "-o", path, ".", chdir: FOLDER)
      warn "no Go, or no modules: what is compared with Go is not measured" unless built
      @binary = (path if built)
    end
  end
end
