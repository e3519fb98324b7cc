# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require "socket"
require "tmpdir"
require_relative "child_process"
require_relative "cleanup"
require_relative "free_port"
require_relative "http"
require_relative "log_tail"
require_relative "rails_application"

module Harness
  # The application in examples/flags_app, in an environment without etcd. It is not on PATH, and at the
  # endpoint that the application is given, a server only counts connections.
  class FlagsApplication
    FOLDER = File.expand_path("../../examples/flags_app", __dir__)
    PROGRAMS = %w[bundle puma rspec].freeze

    attr_reader :place

    def initialize
      @place = Dir.mktmpdir("flags-app-")
      Cleanup.add(self)
      @etcd = TCPServer.new("127.0.0.1", 0)
      File.symlink(RbConfig.ruby, File.join(place, "ruby"))
      PROGRAMS.each { |name| File.symlink(program(name), File.join(place, name)) }
    end

    # Output and exit status of one of its test suites.
    def run(*words) = Open3.capture2e(environment, "bundle", "exec", *words, chdir: FOLDER)

    # Runs it on puma, from a file.
    def serve(source)
      @port = FreePort.take
      env = environment("ETCDDISCOVERY_SOURCE" => source, "RAILS_ENV" => "development")
      @process = ChildProcess.new("bundle", "exec", "puma", "-b", "tcp://127.0.0.1:#{@port}",
                                  env:, log:, chdir: FOLDER)
    end

    def state
      Http.get_json(@port, "/").transform_keys(&:to_sym)
    rescue SystemCallError, Http::Failed
      nil
    end

    # How often the application tried to reach etcd.
    def connections
      count = 0
      count += 1 until @etcd.accept_nonblock(exception: false) == :wait_readable
      count
    end

    def close
      @process&.stop
      @etcd.close
      FileUtils.rm_rf(place)
    end

    def report = "#{self.class}:\n#{LogTail.of(log)}"

    private

    def log = File.join(place, "log")

    def program(name)
      paths = ENV.fetch("PATH").split(":").map { |folder| File.join(folder, name) }
      paths.find { |path| File.executable?(path) }
    end

    def environment(more = {})
      nowhere = "http://127.0.0.1:#{@etcd.addr[1]}"
      RailsApplication::OUTSIDE.merge("PATH" => place, "ETCDDISCOVERY_ENDPOINTS" => nowhere).merge(more)
    end
  end
end
