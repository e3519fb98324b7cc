# frozen_string_literal: true

require "fileutils"
require "socket"
require "tmpdir"
require_relative "cleanup"

module Harness
  # A Unix socket in front of an etcd. Threads of this process forward its bytes to etcd's port.
  class UnixRelay
    attr_reader :path

    def initialize(port)
      @port = port
      @folder = Dir.mktmpdir("relay-")
      @path = File.join(@folder, "etcd.sock")
      @server = UNIXServer.new(@path)
      @open = []
      @thread = Thread.new { accept }
      Cleanup.add(self)
    end

    def endpoint = "unix://#{path}"

    # Ends the existing connections; new ones work.
    def cut = @open.slice!(0..).each { |socket| socket.shutdown unless socket.closed? }

    def close
      @thread.kill
      [@server, *@open].each(&:close)
      FileUtils.rm_rf(@folder)
    end

    def report = "a relay at #{path}"

    private

    def accept
      loop do
        pair = [@server.accept, TCPSocket.new("127.0.0.1", @port)]
        @open.concat(pair)
        [pair, pair.reverse].each { |from, to| Thread.new { pump(from, to) } }
      end
    end

    def pump(from, to)
      IO.copy_stream(from, to)
    rescue IOError, SystemCallError
      nil
    ensure
      [from, to].each(&:close)
    end
  end
end
