# frozen_string_literal: true

require "fileutils"
require_relative "../../spec/support/etcd_server"
require_relative "../../spec/support/tcp_proxy"
require_relative "backups"

module Torture
  # One etcd with a proxy before its clients and another one before its peers.
  class Member < Harness::EtcdServer
    # Seconds that a token lives unused: tokens expire in the middle of a run.
    TOKEN_TTL = 4
    # Operations of the largest transaction.
    MAX_OPERATIONS = 10_000
    # Entries of the Raft log between two of etcd's own snapshots. etcd holds what came since the last one in
    # memory, and 5,000 entries more: with the 100,000 that are its default, it would hold every bulk.
    LOG = 2_000
    # Bytes. When etcd's file reaches its default of 2 GiB, it takes no more writes.
    QUOTA = 8 << 30
    FLAGS = ["--auth-token-ttl=#{TOKEN_TTL}", "--bcrypt-cost=4", "--max-txn-ops=#{MAX_OPERATIONS}",
             "--snapshot-count=#{LOG}", "--quota-backend-bytes=#{QUOTA}"].freeze

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

    def restore(backup, token:)
      super(backup, "--initial-advertise-peer-urls=#{peers.endpoint}", "--initial-cluster-token=#{token}")
    end
  end
end
