# frozen_string_literal: true

require_relative "catalogue"

module Torture
  # Faults of members: they die, hang, or lose the leadership. Healing starts them again.
  module Faults
    def self.running_member(world)
      world.cluster.members.select(&:running?).sample(random: world.random) || raise(Impossible)
    end

    define(:kill_member) { |world| running_member(world).kill9 }

    define(:kill_all_members) { |world| world.cluster.stop }

    define(:stop_member) { |world| running_member(world).pause }

    define(:stop_all_members) do |world|
      world.cluster.members.select(&:running?).each(&:pause)
      world.listener.ask { |checker| checker.freshness.cut_off }
    end

    define(:move_leader) do |world|
      leader, own = world.cluster.leader
      raise Impossible unless leader

      gateway = Settings.gateway("root", ports: [leader.port])
      ids = gateway.call("/v3/cluster/member/list")["members"].map { |member| member["ID"] }
      target = (ids - [own]).sample(random: world.random)
      gateway.call("/v3/maintenance/transfer-leadership", targetID: target)
    end

    define(:compact_every_100_ms) { |world| world.compactor.start }
  end
end
