# frozen_string_literal: true

require "pty"
require "rbconfig"

module Harness
  # What specs say. Everything started here is closed at the end of the example (or of the group,
  # when it was started in `before(:context)`).
  module DSL
    include WaitUntil

    # A promise that is kept in a moment rather than now.
    def expect_soon(description, **options, &block) = wait_until(description, **options, &block)

    def start_etcd(**options) = EtcdServer.new(**options).start

    def start_cluster(**options) = EtcdCluster.new(**options).start

    # Before several servers it is a balancer.
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

    # `exe/etcd_discovery` as it is in this folder.
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
          Process.wait(pid) # the other end of a terminal has gone
        end
        return lines.compact
      end
    end

    # A client in this very process, with what `etcd` needs to be reached.
    def client(etcd, *watched, **settings)
      endpoints = etcd.respond_to?(:endpoint) ? [etcd.endpoint] : Array(etcd)
      ClosingClient.add(EtcdDiscovery::Client.new(endpoints:, watch: watched, **settings))
    end

    # Binary strings from etcdctl, compared with what the gem gives in UTF-8 where it is valid.
    def bytes(hash) = hash.to_h { |key, value| [key.b, value.b] }
  end

  # Lets the cleanup stop a client as it closes a server.
  ClosingClient = Struct.new(:client) do
    def self.add(client)
      Cleanup.add(new(client))
      client
    end

    def close = client.stop

    def report = "#{EtcdDiscovery::Client}: #{client.status.to_h}"
  end
end
