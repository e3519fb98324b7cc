# frozen_string_literal: true

require "fileutils"
require "net/http"
require "tmpdir"
require_relative "backup"
require_relative "child_process"
require_relative "cleanup"
require_relative "etcdctl"
require_relative "free_port"
require_relative "log_tail"

module Harness
  # A real etcd on free loopback ports, with its own data folder. It keeps its ports for life: after `kill9`
  # and `start` it is the same server to its clients, after `start_empty` one that lost its data.
  class EtcdServer
    BINARY = ENV.fetch("ETCD_BIN", "etcd")

    # A single member elects itself; it need not wait a second for others to object.
    QUICK = %w[--heartbeat-interval=20 --election-timeout=200].freeze

    attr_reader :name, :port, :peer_port, :tls, :binary, :log

    # `tls` is a Certificates; `cluster` is a String in the form of etcd's --initial-cluster; `flags` are
    # added unchanged; `binary` is the program, of any version.
    def initialize(name: "solo", tls: nil, cluster: nil, ports: nil, flags: [], binary: BINARY)
      @name = name
      @tls = tls
      @binary = binary
      @port, @peer_port = ports || [FreePort.take, FreePort.take]
      @metrics_port = FreePort.take
      @cluster = cluster || "#{name}=#{peer_url}"
      @flags = (cluster ? [] : QUICK) + flags
      @folder = Dir.mktmpdir("etcd-#{name}-")
      @log = File.join(@folder, "log")
      Cleanup.add(self)
    end

    def endpoint = "#{tls ? 'https' : 'http'}://127.0.0.1:#{port}"

    def peer_url = "http://127.0.0.1:#{peer_port}"

    # etcdctl with the flags for this server.
    def ctl
      @ctl ||= Etcdctl.new("--endpoints=#{endpoint}", *tls&.etcdctl_flags)
    end

    def spawn
      @process = ChildProcess.new(binary, *arguments, env: environment, log:)
      self
    end

    def start
      spawn
      await_health
    end

    def await_health
      WaitUntil.wait_until("etcd #{name} to say that it is healthy") { healthy? || gone! }
      self
    end

    def start_empty
      FileUtils.rm_rf(data_folder)
      start
    end

    # Replaces its data by the file `backup`; `flags` are those of the tool. Stop the server before.
    def restore(backup, *flags)
      FileUtils.rm_rf(data_folder)
      Backup.tool("restore", backup, "--data-dir=#{data_folder}", "--name=#{name}", *initial_flags, *flags)
    end

    # The sum of the metrics of etcd whose lines start like this.
    def metric(beginning) = metrics(beginning).first

    # The same for several beginnings, read at one moment.
    def metrics(*beginnings)
      lines = Net::HTTP.get(URI("#{metrics_url}/metrics")).lines
      beginnings.map do |beginning|
        lines.select { |line| line.start_with?(beginning) }.sum { |line| line.split.last.to_f }
      end
    end

    def kill9 = @process.kill9

    def stop = @process&.stop

    def pause = @process.signal(:STOP)

    def continue = @process.signal(:CONT)

    def pid = @process.pid

    def alive? = !@process.nil? && @process.alive?

    def close
      stop
      FileUtils.rm_rf(@folder)
    end

    def report = "#{self.class} #{name} on #{endpoint}:\n#{LogTail.of(log)}"

    private

    def data_folder = File.join(@folder, "data")

    def arguments
      ["--name=#{name}", "--data-dir=#{data_folder}", "--logger=zap", "--log-level=warn",
       "--listen-client-urls=#{endpoint}", "--advertise-client-urls=#{endpoint}",
       "--listen-peer-urls=#{peer_url}", *initial_flags, "--listen-metrics-urls=#{metrics_url}",
       *tls&.etcd_flags, *@flags]
    end

    def initial_flags = ["--initial-advertise-peer-urls=#{peer_url}", "--initial-cluster=#{@cluster}"]

    # The environment of the spec run must not reach this server.
    def environment = ENV.keys.grep(/\AETCD_/).to_h { |name| [name, nil] }

    # Asks for health on the metrics port, which always speaks plain HTTP and needs no password.
    def healthy?
      Net::HTTP.get_response(URI("#{metrics_url}/health")).body.include?('"true"')
    rescue SystemCallError, IOError, Timeout::Error
      false
    end

    def metrics_url = "http://127.0.0.1:#{@metrics_port}"

    def gone!
      raise "etcd #{name} ended while starting: #{@process.status}\n#{report}" unless alive?
    end
  end
end
