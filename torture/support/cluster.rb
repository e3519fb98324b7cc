# frozen_string_literal: true

require "tmpdir"
require_relative "../../spec/support/free_port"
require_relative "../../spec/support/wait_until"
require_relative "backups"
require_relative "content"
require_relative "member"
require_relative "settings"

module Torture
  # Three members. They reach each other, and the readers reach them, only through proxies.
  class Cluster
    SIZE = 3

    attr_reader :members, :backups, :token

    # The revoked permissions, as pairs of a user and a range.
    attr_reader :revoked

    def self.version = IO.popen([Member::BINARY, "--version"], &:read)[/[\d.]+/]

    def initialize(folder, random)
      @backups = Backups.new(folder, random)
      @revoked = []
      @tokens = 0
      @token = "etcd-cluster" # etcd's own default
      @members = make_members
    end

    def start
      members.each(&:spawn).each(&:await_health)
      make_users
      self
    end

    def environment
      Settings.environment(ports:, endpoints: members.map { |member| member.clients.endpoint })
    end

    def ports = members.map(&:port)

    def gateway = @gateway ||= Settings.gateway("root", ports:)

    # Undoes every lasting fault, and returns when every member has applied what the majority agreed on.
    def heal
      members.each do |member|
        member.alive? ? member.continue : member.spawn
        [member.clients, member.peers].each(&:pass)
      end
      await_service
    end

    def permit
      until revoked.empty?
        name, key = revoked.last
        permission = { permType: "READ", **Settings.range(key) }
        insist("a leader to give #{name} its permission back") do
          gateway.call("/v3/auth/role/grant", name: "#{name}-role", perm: permission)
        end
        revoked.pop
      end
    end

    # A new cluster token, which results in a new cluster ID.
    def new_token = "etcd-cluster-#{@tokens += 1}"

    # Waits until every member answers, which it does once it has applied what the majority agreed on.
    def await_service
      @each ||= members.map { |member| Settings.gateway("root", ports: [member.port]) }
      @each.each { |gateway| insist("an answer of every member") { gateway.revision } }
    end

    # Repeats what fails while there is no leader.
    def insist(what, timeout: 60)
      Harness::WaitUntil.wait_until(what, timeout:, every: 0.05) do
        yield || true
      rescue Harness::Gateway::Failed
        nil
      end
    end

    def leader
      members.select(&:running?).each do |member|
        status = Settings.gateway("root", ports: [member.port], timeout: 1).call("/v3/maintenance/status")
        return [member, status["leader"]] if status["leader"] == status.dig("header", "member_id")
      rescue Harness::Gateway::Failed
        next
      end
      nil
    end

    def back_up = backups.make(members.select(&:running?).sample)

    def stop = members.each(&:kill9)

    # Restarts all members from a backup.
    def restore(backup, token:)
      @token = token
      @revoked.clear # the backup was made while all permissions were granted
      members.each { |member| member.restore(backup.path, token:) }
      members.each(&:spawn)
      await_service
    end

    private

    def make_members
      ports = Array.new(SIZE) { Array.new(2) { Harness::FreePort.take } }
      proxies = ports.map { |pair| pair.map { |port| Harness::TcpProxy.new(port) } }
      cluster = proxies.each_with_index.map { |(_, peers), n| "m#{n}=#{peers.endpoint}" }.join(",")
      ports.zip(proxies).each_with_index.map do |(pair, (clients, peers)), n|
        Member.new(name: "m#{n}", ports: pair, clients:, peers:, cluster:)
      end
    end

    def make_users
      ctl = members.first.ctl
      Settings::PASSWORDS.each { |name, password| ctl.run("user", "add", "#{name}:#{password}") }
      Settings::ROLES.each do |name, ranges|
        ctl.run("role", "add", "#{name}-role")
        ranges.each { |range| allow(ctl, name, range) }
        ctl.run("user", "grant-role", name, "#{name}-role")
      end
      ctl.run("user", "grant-role", "root", "root")
      ctl.run("auth", "enable")
    end

    def allow(ctl, user, prefix)
      ctl.run("role", "grant-permission", "#{user}-role", "read", "--prefix=true", prefix)
    end
  end
end
