# frozen_string_literal: true

require "tempfile"
require_relative "child_process"
require_relative "cleanup"
require_relative "etcd_server"
require_relative "free_port"

module Harness
  # etcd's own proxy, `etcd grpc-proxy start`, of the same version, in front of one etcd. If that etcd uses
  # TLS, the proxy ends the clients' TLS and speaks TLS to it.
  class EtcdGrpcProxy
    attr_reader :port

    def initialize(etcd)
      @etcd = etcd
      @port = FreePort.take
      @log = Tempfile.create("grpc-proxy-")
      Cleanup.add(self)
    end

    def start
      command = [@etcd.binary, "grpc-proxy", "start", *flags]
      @process = ChildProcess.new(*command, env: environment, log: @log.path)
      WaitUntil.wait_until("the grpc-proxy to answer") { answers? }
      self
    end

    def endpoint = "#{@etcd.tls ? 'https' : 'http'}://127.0.0.1:#{port}"

    def pid = @process.pid

    def kill9 = @process.kill9

    def close
      @process&.stop
      File.unlink(@log.path)
    end

    def report = "#{self.class} on port #{port}:\n#{LogTail.of(@log.path)}"

    private

    def flags
      ["--endpoints=#{@etcd.endpoint}", "--listen-addr=127.0.0.1:#{port}",
       "--advertise-client-url=127.0.0.1:#{port}", *tls_flags]
    end

    def tls_flags
      tls = @etcd.tls or return []
      ["--cert-file=#{tls.server_cert}", "--key-file=#{tls.server_key}",
       "--cert=#{tls.proxy_cert}", "--key=#{tls.proxy_key}", "--cacert=#{tls.ca_file}"]
    end

    # Since etcd 3.6.16 it first connects to itself, and uses Go's own trust settings.
    def environment = @etcd.tls ? { "SSL_CERT_FILE" => @etcd.tls.ca_file } : {}

    # An etcd with users refuses; that is an answer too.
    def answers?
      Etcdctl.new("--endpoints=#{endpoint}", *@etcd.tls&.etcdctl_flags).current_revision
    rescue Etcdctl::Failed => e
      return true if e.message.include?("user name is empty")

      raise "the grpc-proxy ended while starting\n#{report}" unless @process.alive?
    end
  end
end
