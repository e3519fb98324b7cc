# frozen_string_literal: true

require "socket"
require "net/http"
require "tmpdir"

module Bench
  # Measures one read over the loopback network, which is what a flag in a cache costs each request. It uses
  # bare sockets, so that no client library is measured; a real one is slower.
  class Remote
    include Harness::DSL

    def initialize(reads)
      @reads = reads
    end

    def rows(base)
      figures = { "Redis GET" => redis, "memcached get" => memcached, "etcd range by gRPC" => etcd_range }
      figures.map do |work, figure|
        Row.new(work:, figure:, unit: "ns", against: "EtcdDiscovery[], literal key", base:)
      end
    end

    private

    def redis
      with_server("redis-server", "--port", nil, "--save", "", "--bind", "127.0.0.1") do |socket|
        socket.write("*3\r\n$3\r\nSET\r\n$4\r\nflag\r\n$2\r\non\r\n")
        socket.gets
        each_read do
          socket.write("*2\r\n$3\r\nGET\r\n$4\r\nflag\r\n")
          2.times { socket.gets }
        end
      end
    end

    def memcached
      with_server("memcached", "-p", nil, "-l", "127.0.0.1", "-u", Etc.getlogin || "root") do |socket|
        socket.write("set flag 0 0 2\r\non\r\n")
        socket.gets
        each_read do
          socket.write("get flag\r\n")
          3.times { socket.gets }
        end
      end
    end

    # Measured with the Go client, which uses gRPC as ours would.
    def etcd_range
      return unless GoPeer.available?

      etcd = start_etcd
      etcd.ctl.put("/flag", "on")
      GoPeer.run("get", etcd.endpoint, "/flag", @reads.to_s).fetch(:nanoseconds)
    end

    # Starts a server. A nil among the arguments stands for the port.
    def with_server(program, *arguments)
      paths = ENV.fetch("PATH").split(":").map { |folder| File.join(folder, program) }
      path = paths.find { |file| File.executable?(file) } or return

      port = Harness::FreePort.take
      server = Harness::ChildProcess.new(path, *arguments.map { |argument| argument || port.to_s })
      socket = wait_until("#{program} to listen") { connect(port) }
      socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
      yield socket
    ensure
      server&.stop
    end

    def connect(port)
      TCPSocket.new("127.0.0.1", port)
    rescue SystemCallError
      nil
    end

    def each_read(&block)
      rounds = Array.new(Stopwatch::ROUNDS) { Stopwatch.seconds { @reads.times(&block) } }
      Stopwatch.median(rounds) / @reads * 1e9
    end
  end
end
