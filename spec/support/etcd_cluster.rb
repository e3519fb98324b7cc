# frozen_string_literal: true

require_relative "etcd_server"

module Harness
  # Three etcd members that elect a leader among them.
  class EtcdCluster
    SIZE = 3

    attr_reader :members

    def initialize(**options)
      ports = Array.new(SIZE) { [FreePort.take, FreePort.take] }
      cluster = ports.each_with_index.map { |(_, peer), n| "m#{n}=http://127.0.0.1:#{peer}" }.join(",")
      @members = ports.each_with_index.map do |pair, n|
        EtcdServer.new(name: "m#{n}", ports: pair, cluster:, **options)
      end
    end

    # No member is healthy before a majority is up, so all are spawned before one is waited for.
    def start
      members.each(&:spawn).each(&:await_health)
      self
    end

    def endpoints = members.map(&:endpoint)

    # While a leader is being elected, no member accepts a write, so this repeats until one does.
    def put(key, value)
      WaitUntil.wait_until("a leader to take #{key}") do
        ctl.put(key, value)
      rescue Etcdctl::Failed
        nil
      end
    end

    # Any living member may answer.
    def ctl = Etcdctl.new("--endpoints=#{members.select(&:alive?).map(&:endpoint).join(',')}")
  end
end
