# frozen_string_literal: true

module EtcdDiscovery
  module Formats
    # The address and nothing else: at the service's own key, or under it by id.
    class Plain < Format
      # A URL, or characters of hosts, ports and paths: neither a query string, nor a list, nor JSON's `null`.
      ADDRESS = %r{\A(?!(?:null|true|false)\z)
                   (?:[a-z][a-z0-9+.-]*://[[:graph:]]+
                   |(?!.*://)(?=.*[[:alnum:]])[[:alnum:]._~:%@/\[\]+-]+)\z}ix
      private_constant :ADDRESS

      # @param instance [Instance]
      # @return [String] the service's own key where there is no id
      def key(instance)
        instance.id ? super : base(instance.service)
      end

      # @param instance [Instance]
      # @return [String]
      # @raise [ConfigurationError] for weight or metadata, which it cannot hold
      def encode(instance)
        return instance.address unless instance.weighted? || instance.metadata.any?

        raise ConfigurationError,
              "format: an address alone holds neither weight nor metadata; take :endpoints or :kratos"
      end

      # @param service [String]
      # @param id [String, nil]
      # @param key [String]
      # @param value [String]
      # @return [Instance]
      # @raise [ParseError] for what is no address
      def decode(service, id, key, value)
        address = value.strip
        raise ParseError.new("not an address", key:) unless address.valid_encoding? && address.match?(ADDRESS)

        build(service, id, key, address)
      end
    end
  end
end
