# frozen_string_literal: true

require "tempfile"
require_relative "child_process"
require_relative "cleanup"
require_relative "etcd_server"
require_relative "free_port"

module Harness
  # etcd's own proxy, `etcd grpc-proxy start`, in front of one etcd.
  class EtcdGrpcProxy
    attr_reader :port

    def initialize(etcd)
      @etcd = etcd
      @port = FreePort.take
      @log = Tempfile.create("grpc-proxy-")
      Cleanup.add(self)
    end

    def start
      @process = ChildProcess.new(EtcdServer::BINARY, "grpc-proxy", "start", *flags, log: @log.path)
      WaitUntil.wait_until("the grpc-proxy to answer") { answers? }
      self
    end

    def endpoint = "http://127.0.0.1:#{port}"

    def kill9 = @process.kill9

    def close
      @process&.stop
      File.unlink(@log.path)
    end

    def report = "#{self.class} on port #{port}:\n#{LogTail.of(@log.path)}"

    private

    def flags
      ["--endpoints=127.0.0.1:#{@etcd.port}", "--listen-addr=127.0.0.1:#{port}",
       "--advertise-client-url=127.0.0.1:#{port}"]
    end

    def answers?
      Etcdctl.new("--endpoints=#{endpoint}").current_revision
    rescue Etcdctl::Failed
      raise "the grpc-proxy ended while starting\n#{report}" unless @process.alive?
    end
  end
end
