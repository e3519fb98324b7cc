# frozen_string_literal: true

module EtcdDiscovery
  class Rollout
    # What a rollout writes: the value in the layers of hosts, under its lease, and at the end in the layer of
    # all of them.
    #
    # @api private
    class Overrides
      # Keys of one transaction; the change log adds to them.
      BATCH = 50
      private_constant :BATCH

      # @raise [ConflictError] when a key stands in the way
      def initialize(client, plan, name, value, why)
        @client = client
        @plan = plan
        @name = name
        @value = value
        @why = why
        @stand = {}
        @before = look
      end

      # @return [Array<String>] that have the value
      def hosts = @stand.keys

      # @param hosts [Array<String>] that get it too
      # @return [Integer] the revision
      # @raise [ConflictError] when a host has got the key by another way meanwhile
      def add(hosts, lease)
        revision = nil
        hosts.each_slice(BATCH) do |some|
          keys = some.map { |host| @plan.key_of(host) }
          revision = @client.write!("rollout", keys.map { |key| [key, 0] },
                                    keys.map { |key| [key, @value, lease] }, **@why)
          some.zip(keys) { |host, key| @stand[host] = [key, revision] }
        end
        revision
      end

      # Writes the value for all, if the key is as it was when the rollout began. As long as the overrides
      # stand, so does the lease; if it has ended meanwhile, the comparisons fail.
      #
      # @return [Integer] the revision
      # @raise [ConflictError]
      def commit
        compares = [[@plan.target, @before], *@stand.values.first(BATCH)]
        @client.write!("rollout", compares, [[@plan.target, @value]], **@why)
      end

      private

      # @return [Integer] the revision of the key that is written at the end; 0: there is none
      def look
        above = @plan.covering_keys
        targets = [@plan.target, *above].map { |key| [key, false, nil, true] }
        _, ((_, own), *found) = @client.native_read("read the layers of #{@name}", targets, nil)
        covering, = above.zip(found).find { |_, (count)| count.positive? }
        raise covered(covering) if covering

        own.empty? ? 0 : own.first[2]
      end

      # A key above the host's layer hides the value, and one in it would be gone with the lease.
      def covered(key)
        ConflictError.new("#{key.inspect} exists, and stands in the way of the rollout: delete it first; " \
                          "nothing was written", key:)
      end
    end
  end
end
