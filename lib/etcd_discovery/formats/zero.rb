# frozen_string_literal: true

module EtcdDiscovery
  module Formats
    # go-zero's: the address at `<service>/<lease id>`. The service is go-zero's `Key`, such as `user.rpc`,
    # taken as it is.
    class Zero < Plain
      # @param service [String]
      # @return [String]
      def base(service)
        service.delete_suffix("/")
      end

      # @param instance [Instance]
      # @return [String] the lease's id comes after it
      def key(instance)
        base(instance.service)
      end

      # @return [Boolean]
      def under_lease?
        true
      end
    end
  end
end
