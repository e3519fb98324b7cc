# frozen_string_literal: true

require "fileutils"
require_relative "../../spec/support/etcd_server"
require_relative "../../spec/support/tcp_proxy"
require_relative "backups"

module Torture
  # One etcd member with a proxy for its clients and another for its peers.
  class Member < Harness::EtcdServer
    # The seconds after which an unused token expires, so that tokens expire during a run.
    TOKEN_TTL = 4
    # The operations of the largest transaction.
    MAX_OPERATIONS = 10_000
    # The Raft log entries between two of etcd's snapshots. etcd keeps in memory the entries since its last
    # snapshot and 5,000 more. With its default of 100,000 it would keep every bulk in memory.
    LOG = 2_000
    # The space quota in bytes. With its default of 2 GiB etcd would soon refuse writes.
    QUOTA = 8 << 30
    FLAGS = ["--auth-token-ttl=#{TOKEN_TTL}", "--bcrypt-cost=4", "--max-txn-ops=#{MAX_OPERATIONS}",
             "--snapshot-count=#{LOG}", "--quota-backend-bytes=#{QUOTA}"].freeze

    attr_reader :clients, :peers

    def initialize(name:, ports:, clients:, peers:, cluster:)
      @clients = clients
      @peers = peers
      # The later flag wins: the other members reach this one through its proxy.
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

    def restore(backup, token:)
      super(backup, "--initial-advertise-peer-urls=#{peers.endpoint}", "--initial-cluster-token=#{token}")
    end
  end
end
