# frozen_string_literal: true

require "json"
require "rbconfig"
require "socket"
require "tempfile"
require_relative "child_process"
require_relative "cleanup"
require_relative "free_port"

module Harness
  # A TCP proxy that breaks on request, to put between a client and an etcd. It runs in a separate process, so
  # that a busy spec cannot distort the delays, and ends when its control line does.
  #
  #   proxy.refuse       no one listens any more, open connections are reset proxy.cut          open
  #   connections are reset, new ones work proxy.blackhole    bytes that arrive are dropped (`:up` to etcd,
  #   `:down` from it, or both) proxy.half_open    connections stay open and nothing moves; `pass` lets the
  #   rest move again proxy.strand       as half_open, but only for existing connections: new ones work
  #   proxy.delay(0.2)   each byte arrives that much later proxy.throttle(n)  each connection carries n bytes
  #   a second each way proxy.pass         everything works; connections that can never be right again are
  #   reset
  class TcpProxy
    SERVER = File.expand_path("tcp_proxy/server.rb", __dir__)

    attr_reader :port

    # With several ports, each connection gets the next one, as behind a load balancer.
    def initialize(*upstream_ports)
      @port = FreePort.take
      @control, theirs = UNIXSocket.pair
      @log = Tempfile.create("tcp-proxy-")
      @process = ChildProcess.new(RbConfig.ruby, SERVER, @port.to_s, *upstream_ports.map(&:to_s),
                                  log: @log.path, 3 => theirs)
      theirs.close
      Cleanup.add(self)
      pass # returns once it listens
    end

    def endpoint(scheme = "http") = "#{scheme}://127.0.0.1:#{port}"

    def pass = order("pass")

    # From now on new connections go to these ports, in turn.
    def lead_to(*upstream_ports) = order("lead_to", upstream_ports)

    def refuse = order("refuse")

    def cut = order("cut")

    def blackhole(*directions) = order("blackhole", directions.empty? ? %w[up down] : directions)

    def half_open = order("half_open")

    def strand = order("strand")

    def delay(seconds) = order("delay", seconds)

    def throttle(bytes_per_second) = order("throttle", bytes_per_second)

    # `{ "accepted" => connections so far, "open" => connections now, "up" => bytes, "down" => bytes }`
    def stats = order("stats")

    def accepted = stats.fetch("accepted")

    def close
      @control.close
      @process.stop
      File.unlink(@log.path)
    end

    def report = "#{self.class} on port #{port}:\n#{File.read(@log.path)}"

    private

    def order(*words)
      @control.puts(JSON.generate(words))
      raise "the proxy does not answer\n#{report}" unless @control.wait_readable(WaitUntil::LIMIT)

      JSON.parse(@control.gets || raise("the proxy has ended\n#{report}"))
    end
  end
end
