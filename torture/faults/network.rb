# frozen_string_literal: true

require_relative "catalogue"

module Torture
  # Faults of the network between the readers and etcd, and between the members.
  module Faults
    # The proxies of one member, or of all.
    def self.some(proxies, world)
      world.random.rand < 0.5 ? proxies.sample(1, random: world.random) : proxies
    end

    def self.to_clients(world, &block)
      some(world.cluster.members.map(&:clients), world).each(&block)
    end

    # Breaks proxies, and records a cut if all are broken: then nothing can arrive from etcd.
    def self.sever(world, &block)
      proxies = to_clients(world, &block)
      world.listener.ask { |checker| checker.freshness.cut_off } if proxies.size == world.cluster.members.size
    end

    def self.to_peers(world, &block) = some(world.cluster.members.map(&:peers), world).each(&block)

    define(:refuse) { |world| sever(world, &:refuse) }
    define(:blackhole) { |world| sever(world, &:blackhole) }
    define(:blackhole_to_etcd) { |world| sever(world) { |proxy| proxy.blackhole("up") } }
    define(:blackhole_from_etcd) { |world| sever(world) { |proxy| proxy.blackhole("down") } }
    define(:half_open) { |world| sever(world, &:half_open) }

    define(:cut) { |world| to_clients(world, &:cut) }
    define(:strand) { |world| to_clients(world, &:strand) }
    define(:delay) { |world| to_clients(world) { |proxy| proxy.delay(world.random.rand(0.05..1.0)) } }
    define(:throttle) do |world|
      to_clients(world) { |proxy| proxy.throttle(world.random.rand(2_000..50_000)) }
    end

    define(:part_peers) { |world| to_peers(world, &:blackhole) }
    define(:refuse_peers) { |world| to_peers(world, &:refuse) }
    define(:delay_peers) { |world| to_peers(world) { |proxy| proxy.delay(world.random.rand(0.05..0.4)) } }
  end
end
