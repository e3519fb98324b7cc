# frozen_string_literal: true

require "fileutils"
require_relative "../../spec/support/etcd_server"
require_relative "../../spec/support/tcp_proxy"

module Torture
  # One etcd with a proxy before its clients and another one before its peers.
  class Member < Harness::EtcdServer
    # Seconds that a token lives unused: tokens expire in the middle of a run.
    TOKEN_TTL = 4
    FLAGS = ["--auth-token-ttl=#{TOKEN_TTL}", "--bcrypt-cost=4"].freeze

    attr_reader :clients, :peers

    def initialize(name:, ports:, clients:, peers:, cluster:)
      @clients = clients
      @peers = peers
      # The later flag counts: the others know this member by its proxy.
      super(name:, ports:, cluster:, flags: [*FLAGS, "--initial-advertise-peer-urls=#{peers.endpoint}"])
    end

    def running? = alive? && !@paused

    def pause
      @paused = true
      super
    end

    def continue
      @paused = false
      super
    end

    def kill9
      @paused = false
      super
    end

    # In place of its data what a backup holds, as a member of a cluster that is told apart by `token`.
    def restore(backup, token:)
      FileUtils.rm_rf(data_folder)
      ctl.run("snapshot", "restore", backup, "--data-dir=#{data_folder}", "--name=#{name}",
              "--initial-cluster=#{@cluster}", "--initial-cluster-token=#{token}",
              "--initial-advertise-peer-urls=#{peers.endpoint}")
    end
  end
end
