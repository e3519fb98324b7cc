# frozen_string_literal: true

require "json"
require "socket"

module Harness
  # One HTTP GET on a fresh connection, over TCP or a unix socket, answered in JSON. Net::HTTP has no unix
  # sockets; this supports only what unicorn and Rails answer.
  module Http
    class Failed < StandardError; end

    LIMIT = 30

    module_function

    # `address` is a port on the loopback interface, or the path of a unix socket.
    def get_json(address, path)
      socket = address.is_a?(Integer) ? TCPSocket.new("127.0.0.1", address) : UNIXSocket.new(address)
      socket.write("GET #{path} HTTP/1.0\r\nHost: localhost\r\n\r\n")
      parse(read_all(socket), path)
    ensure
      socket&.close
    end

    def read_all(socket)
      answer = +""
      loop do
        raise Failed, "no answer within #{LIMIT} s" unless socket.wait_readable(LIMIT)

        answer << socket.readpartial(65_536)
      end
    rescue EOFError
      answer
    end

    def parse(answer, path)
      head, body = answer.split("\r\n\r\n", 2)
      raise Failed, "GET #{path} gave #{answer[0, 500].inspect}" unless head&.match?(%r{\AHTTP/1\.. 200 })

      JSON.parse(body)
    end
  end
end
