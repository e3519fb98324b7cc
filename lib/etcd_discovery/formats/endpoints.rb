# frozen_string_literal: true

module EtcdDiscovery
  module Formats
    # The format that etcd's own Go client writes in `naming/endpoints` and reads as a gRPC resolver:
    # `{"Op":0,"Addr":"10.1.1.60:8081","Metadata":{"weight":2}}`. The service is the Go side's target.
    class Endpoints < Format
      # The operation "add". Its opposite is a deletion, which means no instance.
      ADD = 0

      # @param instance [Instance]
      # @return [String]
      def encode(instance)
        weight = instance.weighted? ? { "weight" => instance.weight } : {}
        metadata = instance.metadata.merge(weight)
        json("Op" => ADD, "Addr" => instance.address, "Metadata" => metadata.empty? ? nil : metadata)
      end

      # @param service [String]
      # @param id [String, nil]
      # @param key [String]
      # @param value [String]
      # @return [Instance, nil]
      # @raise [JSON::ParserError, ConfigurationError, ParseError] for a value that is not in this format
      def decode(service, id, key, value)
        update = object(value, key)
        return unless update.fetch("Op", ADD) == ADD

        metadata = update["Metadata"]
        hash = metadata.is_a?(Hash) ? metadata : { "metadata" => metadata }.compact
        build(service, id, key, update["Addr"], weight: weight_in(metadata), metadata: hash)
      end
    end
  end
end
