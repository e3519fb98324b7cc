# frozen_string_literal: true

module EtcdDiscovery
  module Formats
    # The format of go-zero: the address at `<service>/<lease id>`. The service is go-zero's `Key`, such as
    # `user.rpc`, unchanged.
    class Zero < Plain
      # @param service [String]
      # @return [String]
      def base(service)
        service.delete_suffix("/")
      end

      # @param instance [Instance]
      # @return [String] the key without the lease's id, which is appended to it
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
