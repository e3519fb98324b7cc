# frozen_string_literal: true

module EtcdDiscovery
  module Formats
    # The format of go-kratos's registry, at `<namespace>/<service>/<id>`:
    # `{"id":…,"name":…,"version":…,"metadata":{…},"endpoints":["http://…","grpc://…"]}`
    class Kratos < Format
      # go-kratos's own default.
      NAMESPACE = "/microservices"

      # @param namespace [String] as given to go-kratos with `etcd.Namespace`
      # @param scheme [String] the endpoint's scheme, for an address without one
      def initialize(namespace: NAMESPACE, scheme: "http")
        super()
        @namespace = namespace.delete_suffix("/")
        @scheme = scheme
      end

      # @param service [String] the name of the service
      # @return [String]
      def base(service)
        "#{@namespace}/#{service}"
      end

      # @param instance [Instance]
      # @return [String]
      def encode(instance)
        address = instance.address
        endpoint = address.include?("://") ? address : "#{@scheme}://#{address}"
        # go-kratos accepts Strings only, and has a separate field for `version`.
        metadata = instance.metadata.to_h { |name, value| [name.to_s, value.to_s] }
        metadata["weight"] = instance.weight.to_s if instance.weighted?
        json("id" => instance.id || address, "name" => instance.service,
             "version" => metadata.delete("version") || "", "metadata" => metadata,
             "endpoints" => [endpoint])
      end

      # The address is the first endpoint without its scheme; `metadata["endpoints"]` holds all of them.
      #
      # @param service [String]
      # @param id [String, nil]
      # @param key [String]
      # @param value [String]
      # @return [Instance]
      # @raise [JSON::ParserError, ConfigurationError, ParseError] for a value that is not in this format
      def decode(service, id, key, value)
        given = object(value, key)
        endpoints = Array(given["endpoints"]).grep(String)
        raise ParseError.new("has no endpoint", key:) if endpoints.empty?

        own = given["metadata"].is_a?(Hash) ? given["metadata"] : {}
        metadata = own.merge("endpoints" => endpoints, "version" => given["version"]).compact
        build(service, id, key, bare(endpoints.first), weight: weight_in(own), metadata:)
      end

      private

      def bare(endpoint)
        endpoint.sub(%r{\A[a-z0-9+.-]+://}i, "").sub(/[?].*\z/m, "")
      end
    end
  end
end
