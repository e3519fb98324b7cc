# frozen_string_literal: true

require "socket"

module Harness
  # A port that was free a moment ago. None is given out twice in one run: servers here are stopped
  # and started again on the port that they had, and nobody else may get it meanwhile.
  module FreePort
    @given = []

    def self.take
      port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
      return take if @given.include?(port)

      @given << port
      port
    end
  end
end
