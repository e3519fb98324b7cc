# frozen_string_literal: true

require "fileutils"
require "socket"
require "tmpdir"
require_relative "child_process"
require_relative "cleanup"
require_relative "free_port"
require_relative "log_tail"
require_relative "wait_until"

module Harness
  # A proxy with its own configuration file, in front of one etcd. A subclass defines the PROGRAM, its
  # `arguments`, and its `configuration`.
  class ConfiguredProxy
    attr_reader :port

    # Debian's folder for servers; not every PATH has it.
    SYSTEM = "/usr/sbin"

    # @return [String, nil] the path of the program
    def self.program
      folders = [*ENV.fetch("PATH").split(File::PATH_SEPARATOR), SYSTEM]
      folders.map { |folder| File.join(folder, self::PROGRAM) }.find { |path| File.executable?(path) }
    end

    def initialize(etcd)
      @etcd = etcd
      @port = FreePort.take
      @folder = Dir.mktmpdir("#{self.class::PROGRAM}-")
      @log = File.join(@folder, "log")
      Cleanup.add(self)
    end

    def start
      File.write(path("configuration"), configuration)
      @process = ChildProcess.new(self.class.program, *arguments, log: @log)
      WaitUntil.wait_until("#{self.class::PROGRAM} to listen") { listens? || gone! }
      self
    end

    # The proxy ends TLS, or passes it through, if etcd uses it.
    def endpoint = "#{tls ? 'https' : 'http'}://127.0.0.1:#{port}"

    def close
      @process&.stop
      FileUtils.rm_rf(@folder)
    end

    def report = "#{self.class} on port #{port}:\n#{LogTail.of(@log)}"

    private

    def tls = @etcd.tls

    def path(name) = File.join(@folder, name)

    def listens?
      TCPSocket.open("127.0.0.1", port) { true }
    rescue Errno::ECONNREFUSED
      false
    end

    def gone!
      raise "#{self.class::PROGRAM} ended while starting\n#{report}" unless @process.alive?
    end
  end
end
