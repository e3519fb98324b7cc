# frozen_string_literal: true

require_relative "../../rakelib/matrix/row"
require_relative "../../spec/support/etcd_grpc_proxy"
require_relative "../../spec/support/haproxy"
require_relative "../../spec/support/nginx"
require_relative "factors"

module Field
  # The ways from a client to etcd: directly or through a proxy.
  module Ways
    PROGRAMS = { "nginx" => Harness::Nginx, "haproxy-tcp" => Harness::HAProxy,
                 "haproxy-http" => Harness::HAProxy }.freeze

    module_function

    # @return [String] the endpoint for the client
    # @raise [Matrix::Unavailable] with the reason
    def open(way, etcd)
      program = PROGRAMS[way]
      if program && !program.program
        raise Matrix::Unavailable, "#{program::PROGRAM} is not installed: bin/setup test"
      end

      start(way, etcd).endpoint
    end

    def start(way, etcd)
      case way
      when "direct" then etcd
      when "grpc-proxy" then Harness::EtcdGrpcProxy.new(etcd).start
      when "nginx" then Harness::Nginx.new(etcd).start
      when "haproxy-tcp" then Harness::HAProxy.new(etcd, mode: "tcp").start
      when "haproxy-http" then Harness::HAProxy.new(etcd, mode: "http").start
      end
    end

    # @return [Array<String>] the ways that are available here
    def installed = FACTORS[:way].select { |way| PROGRAMS[way].nil? || PROGRAMS[way].program }
  end
end
