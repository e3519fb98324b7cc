# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # How long the leases of keys last.
    #
    # @api private
    module Leases
      # Keys under one prefix that are looked at.
      MOST = 200
      private_constant :MOST

      # @param targets [Array<Array(String, Boolean)>] keys, and prefixes
      # @return [Hash{String => Integer}] the seconds left, by the bytes of the key; empty where etcd is away
      def self.of(client, targets)
        queries = targets.map { |target, prefix| [target, prefix, MOST, true] }
        gateway = Gateway.of(client)
        gateway.keep([:keys, queries]) do
          _, found = client.native_read("read leases", queries, nil)
          leases = found.flat_map(&:last).to_h { |key, _, _, lease| [key.b, lease] }
          left = gateway.seconds_left(leases.values)
          leases.transform_values { |lease| left[lease] }.compact
        end
      rescue Error
        {}
      end
    end
  end
end
