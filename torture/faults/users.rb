# frozen_string_literal: true

require_relative "catalogue"

module Torture
  # Readers whose tokens and permissions are taken away.
  module Faults
    # etcd forgets all tokens of a user whose password is set, be it to the same. What is open stays open.
    define(:expire_tokens) do |world|
      Settings::ROLES.each_key do |name|
        world.cluster.gateway.call("/v3/auth/user/changepw", name:, password: Settings::PASSWORDS.fetch(name))
      end
    end

    # An open watch outlives it, so the connections are cut too.
    define(:revoke_permission) do |world|
      name, ranges = Settings::ROLES.to_a.sample(random: world.random)
      key = ranges.sample(random: world.random)
      world.cluster.revoked << [name, key] # be it that the answer does not come, and yet it is done
      world.cluster.gateway.call("/v3/auth/role/revoke", role: "#{name}-role", **Settings.range(key))
      world.cluster.members.each { |member| member.clients.cut }
    end
  end
end
