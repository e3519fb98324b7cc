# frozen_string_literal: true

require_relative "configured_proxy"

module Harness
  # HAProxy, with the timeouts of Debian's own configuration. In mode `tcp` it carries bytes, so TLS is
  # between the client and etcd. In mode `http` it speaks HTTP/2, and ends TLS.
  class HAProxy < ConfiguredProxy
    PROGRAM = "haproxy"

    def initialize(etcd, mode:)
      super(etcd)
      @mode = mode
    end

    private

    def arguments = ["-db", "-f", path("configuration")]

    def configuration
      listen, upstream = @mode == "tcp" ? ["", ""] : http2
      <<~CONF
        defaults
          mode #{@mode}
          timeout connect 5s
          timeout client 50s
          timeout server 50s
        listen etcd
          bind 127.0.0.1:#{port} #{listen}
          server etcd 127.0.0.1:#{@etcd.port} #{upstream}
      CONF
    end

    def http2
      return ["proto h2", "proto h2"] unless tls

      File.write(path("certificate"), File.read(tls.server_cert) + File.read(tls.server_key), perm: 0o600)
      ["ssl crt #{path('certificate')} alpn h2", "ssl verify none alpn h2"]
    end
  end
end
