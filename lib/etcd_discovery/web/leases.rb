# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # How long the leases of keys last. Which key has which lease is in the local copy; how long a lease lasts
    # only etcd knows.
    #
    # @api private
    module Leases
      # @param snapshot [Snapshot]
      # @param keys [Array<String>]
      # @return [Hash{String => Integer, nil}] the seconds left of each key that has a lease, by the bytes of
      #   the key; `nil` where etcd has not answered in time, or was not asked because there are too many
      def self.of(client, snapshot, keys)
        leases = keys.to_h { |key| [key.b, snapshot.native_lease(key).to_i] }
        leases.reject! { |_, lease| lease.zero? }
        return {} if leases.empty?

        left = Gateway.of(client).seconds_left(leases.values)
        leases.transform_values { |lease| left[lease] }
      end
    end
  end
end
