# frozen_string_literal: true

require_relative "../../rakelib/matrix/row"
require_relative "../../spec/support/etcd_grpc_proxy"
require_relative "../../spec/support/haproxy"
require_relative "../../spec/support/nginx"
require_relative "factors"

module Field
  # What stands between a client and etcd.
  module Ways
    PROGRAMS = { "nginx" => Harness::Nginx, "haproxy-tcp" => Harness::HAProxy,
                 "haproxy-http" => Harness::HAProxy }.freeze

    module_function

    # @return [String] the endpoint that a client has to use
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

    # @return [Array<String>] the ways that can be had here
    def installed = FACTORS[:way].select { |way| PROGRAMS[way].nil? || PROGRAMS[way].program }
  end
end
