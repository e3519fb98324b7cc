# frozen_string_literal: true

require "socket"

# Lets the spec ask a particular process, which a server's shared port cannot do. Each process, master or
# forked, has a thread that answers on a unix socket named after its pid.
module Window
  # Wraps Ruby's own fork, like the gem's hook. `Process.daemon` bypasses it and must open another window.
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
      nil # the spec has ended
    ensure
      client.close
    end

    # Bound under another name first, so that a visible socket already has a listener.
    def listen(path)
      UNIXServer.new("#{path}.new").tap { File.rename("#{path}.new", path) }
    end
  end
end
