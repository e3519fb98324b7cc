# frozen_string_literal: true

module EtcdDiscovery
  # The fleet of a client, and its own place there.
  class Client
    # All processes that share the setting `fleet`.
    #
    # @example
    #   client.fleet.members.size             # => 96
    #   client.fleet.await(revision).complete?  # => true
    # @return [Fleet]
    # @raise [ConfigurationError] when `fleet` is not set
    def fleet = (@fleet ||= Fleet.new(self, config.fleet))

    private

    # Every process that follows etcd is a member: it joins when it begins, and again after a fork. A client
    # that only writes or registers has no readers, and would never answer.
    def join_fleet
      return if config.fleet.nil? || native_offline? || !native_wanted?

      (@membership ||= Fleet::Membership.new(self, config.fleet)).join
    end

    def leave_fleet = @membership&.leave.to_a
  end
end
