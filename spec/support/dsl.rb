# frozen_string_literal: true

require "pty"
require "rbconfig"

module Harness
  # The methods of specs. Everything started here is closed at the end of the example (or of the group, if it
  # was started in `before(:context)`).
  module DSL
    include WaitUntil

    # Expects a promise to be kept soon rather than now.
    def expect_soon(description, **options, &block) = wait_until(description, **options, &block)

    def start_etcd(**options) = EtcdServer.new(**options).start

    def start_cluster(**options) = EtcdCluster.new(**options).start

    # In front of several servers it is a load balancer.
    def start_proxy(*etcds) = TcpProxy.new(*etcds.map(&:port))

    def start_grpc_proxy(etcd) = EtcdGrpcProxy.new(etcd).start

    def start_unicorn(etcd, **options) = start_server(UnicornServer, etcd, **options)

    # `etcd` is a server, a proxy or an endpoint.
    def start_server(kind, etcd, **options)
      kind.new(endpoints: etcd.is_a?(String) ? etcd : etcd.endpoint, **options).start
    end

    def ruby_process(code, etcd = nil, **options)
      RubyProcess.new(code, endpoints: etcd.respond_to?(:endpoint) ? etcd.endpoint : etcd, **options)
    end

    # etcdctl watching beside the gem; `etcd` is a server or a cluster.
    def watch_keys(etcd) = KeyWatch.new(etcd.ctl)

    # A program of examples/go.
    def go_program(name, *arguments) = talking_process(GoPrograms.path(name), *arguments)

    def talking_process(*command) = TalkingProcess.new(*command)

    # Runs this tree's `exe/etcd_discovery`.
    def command_line(*arguments)
      root = File.expand_path("../..", __dir__)
      [RbConfig.ruby, "-I", File.join(root, "lib"), File.join(root, "exe/etcd_discovery"), *arguments]
    end

    # What a command prints on a terminal. NO_COLOR of the tests' own environment does not reach it.
    def terminal_lines(*command, env: {})
      PTY.spawn({ "NO_COLOR" => nil, **env }, *command) do |terminal, _, pid|
        lines = []
        begin
          loop { lines << terminal.gets&.chomp }
        rescue Errno::EIO
          Process.wait(pid) # the other end of the terminal is closed
        end
        return lines.compact
      end
    end

    # A client in this process, with what `etcd` needs to be reached.
    def client(etcd, *watched, **settings)
      endpoints = etcd.respond_to?(:endpoint) ? [etcd.endpoint] : Array(etcd)
      ClosingClient.add(EtcdDiscovery::Client.new(endpoints:, watch: watched, **settings))
    end

    # Binary strings from etcdctl, to compare with the gem's, which are UTF-8 if they are valid.
    def bytes(hash) = hash.to_h { |key, value| [key.b, value.b] }
  end

  # Lets the cleanup stop a client like it closes a server.
  ClosingClient = Struct.new(:client) do
    def self.add(client)
      Cleanup.add(new(client))
      client
    end

    def close = client.stop

    def report = "#{EtcdDiscovery::Client}: #{client.status.to_h}"
  end
end
