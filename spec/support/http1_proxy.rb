# frozen_string_literal: true

require_relative "configured_proxy"
require_relative "nginx"

module Harness
  # nginx as people set it up for web servers: it speaks HTTP/1 to both sides.
  class HTTP1Proxy < Nginx
    private

    def configuration
      super.sub(" http2;", ";").sub("grpc_pass grpc:", "proxy_pass http:")
    end
  end
end
