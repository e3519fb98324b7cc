# frozen_string_literal: true

require_relative "catalogue"

module Torture
  # Invalidates tokens and revokes permissions of the readers.
  module Faults
    # Setting a user's password, even to the same one, makes etcd forget all its tokens. Open streams stay
    # open.
    define(:expire_tokens) do |world|
      Settings::ROLES.each_key do |name|
        world.cluster.gateway.call("/v3/auth/user/changepw", name:, password: Settings::PASSWORDS.fetch(name))
      end
    end

    # An open watch outlives a revoked permission, so the connections are cut too.
    define(:revoke_permission) do |world|
      name, ranges = Settings::ROLES.to_a.sample(random: world.random)
      key = ranges.sample(random: world.random)
      world.cluster.revoked << [name, key] # noted first: it may take effect although the answer is lost
      world.cluster.gateway.call("/v3/auth/role/revoke", role: "#{name}-role", **Settings.range(key))
      world.cluster.members.each { |member| member.clients.cut }
    end
  end
end
