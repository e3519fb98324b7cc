# frozen_string_literal: true

require "socket"

module Harness
  # A port that no one else takes. None is given out twice in one run, because servers are stopped and started
  # again on the same port.
  #
  # So these ports lie below those that the kernel assigns. Parallel runs have separate blocks, each marked by
  # an abstract socket, which disappears with its process.
  module FreePort
    BLOCK = 200
    FIRST_PORTS = (10_000...32_000).step(BLOCK).to_a.freeze
    @left = []
    @blocks = []

    class << self
      def take
        @left = reserve if @left.empty?
        port = @left.shift
        free?(port) ? port : take
      end

      private

      def reserve
        first = FIRST_PORTS.shuffle(random: Random.new).find { |port| ours?(port) }
        first ? (first...(first + BLOCK)).to_a : raise("every block of ports is taken")
      end

      def ours?(first)
        @blocks << UNIXServer.new("\0etcd_discovery-ports-#{first}")
      rescue Errno::EADDRINUSE
        false
      end

      def free?(port)
        TCPServer.open("127.0.0.1", port) { true }
      rescue Errno::EADDRINUSE
        false
      end
    end
  end
end
