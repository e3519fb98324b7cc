# frozen_string_literal: true

require_relative "configured_proxy"

module Harness
  # nginx as its manual describes it for gRPC: HTTP/2 on both sides, and its own defaults for everything else.
  class Nginx < ConfiguredProxy
    PROGRAM = "nginx"

    private

    def arguments = ["-p", @folder, "-c", path("configuration"), "-e", "stderr"]

    # As root, its workers would become another user, who may not write to the folder.
    def configuration
      <<~CONF
        daemon off;
        user root;
        worker_processes 1;
        error_log stderr;
        pid pid;
        events {}
        http {
          access_log off;
          #{%w[client_body proxy fastcgi uwsgi scgi].map { |name| "#{name}_temp_path #{name};" }.join(' ')}
          server {
            listen 127.0.0.1:#{port} #{'ssl ' if tls}http2;
            #{"ssl_certificate #{tls.server_cert}; ssl_certificate_key #{tls.server_key};" if tls}
            location / {
              grpc_pass #{tls ? 'grpcs' : 'grpc'}://127.0.0.1:#{@etcd.port};
            }
          }
        }
      CONF
    end
  end
end
