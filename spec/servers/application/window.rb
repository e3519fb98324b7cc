# frozen_string_literal: true

require "socket"

# Lets the spec ask a certain process, which a server's shared port does not: each process, master and
# forked ones alike, has a thread that answers on a unix socket named after its pid.
module Window
  # Around Ruby's own fork, as the gem's own hook is. `Process.daemon` goes past it: open another then.
  module Hook
    def _fork
      super.tap { |pid| Window.open if pid.zero? }
    end
  end

  class << self
    def open(&answer)
      Process.singleton_class.prepend(Hook) unless @answer
      @answer ||= answer
      @server&.close # the parent's, after a fork
      @server = listen(File.join(ENV.fetch("WORKER_SOCKETS"), "#{Process.pid}.sock"))
      Thread.new { serve(@server) }
    end

    private

    def serve(server)
      loop { serve_one(server.accept) }
    end

    def serve_one(client)
      nil until ["\r\n", nil].include?(client.gets)
      client.write("HTTP/1.0 200 OK\r\n\r\n#{@answer.call}")
    rescue SystemCallError
      nil # the spec has gone
    ensure
      client.close
    end

    # Bound under another name first: where the socket is seen, somebody listens.
    def listen(path)
      UNIXServer.new("#{path}.new").tap { File.rename("#{path}.new", path) }
    end
  end
end
