# frozen_string_literal: true

module EtcdDiscovery
  module Source
    # Ends the leases of overrides where there is no etcd that does.
    #
    # @api private
    class Leases
      def initialize(client)
        @client = client
      end

      # @return [void]
      def look
        @client.native_end_leases
      end
    end
  end
end
