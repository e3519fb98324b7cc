# frozen_string_literal: true

module EtcdDiscovery
  module Formats
    # Stores only the address: at the service's own key, or at an id below it.
    class Plain < Format
      # A URL, or characters of hosts, ports and paths. Not a query string, a list, or JSON's `null`.
      ADDRESS = %r{\A(?!(?:null|true|false)\z)
                   (?:[a-z][a-z0-9+.-]*://[[:graph:]]+
                   |(?!.*://)(?=.*[[:alnum:]])[[:alnum:]._~:%@/\[\]+-]+)\z}ix
      private_constant :ADDRESS

      # @param instance [Instance]
      # @return [String] the service's own key if there is no id
      def key(instance)
        instance.id ? super : base(instance.service)
      end

      # @param instance [Instance]
      # @return [String]
      # @raise [ConfigurationError] for weight or metadata, which it cannot store
      def encode(instance)
        return instance.address unless instance.weighted? || instance.metadata.any?

        raise ConfigurationError,
              "format: :plain stores neither weight nor metadata; use :endpoints or :kratos"
      end

      # @param service [String]
      # @param id [String, nil]
      # @param key [String]
      # @param value [String]
      # @return [Instance]
      # @raise [ParseError] for a value that is not an address
      def decode(service, id, key, value)
        address = value.strip
        raise ParseError.new("not an address", key:) unless address.valid_encoding? && address.match?(ADDRESS)

        build(service, id, key, address)
      end
    end
  end
end
