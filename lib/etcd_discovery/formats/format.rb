# frozen_string_literal: true

module EtcdDiscovery
  module Formats
    # What every format can do. One of your own has at least `encode` or `decode`.
    #
    # @see Formats
    class Format
      # Where services stand whose name has no slash.
      PREFIX = "/service/"

      # @param service [String] a name, or a key or prefix with a slash in it
      # @return [String] the key under which the instances stand, without a slash at its end
      def base(service)
        (service.include?("/") ? service : "#{PREFIX}#{service}").delete_suffix("/")
      end

      # @param instance [Instance]
      # @return [String] the key of the instance
      def key(instance)
        "#{base(instance.service)}/#{instance.id || instance.address}"
      end

      # Whether an entry belongs to a service further down: `v2/web-1` under `pay` is one of `pay/v2`. An id
      # may hold a slash too, where the value names it: many take a URL as id.
      #
      # @param id [String] what stands in the key after the service
      # @param value [String]
      # @return [Boolean]
      def nested?(id, value)
        id.b.include?("/") && !value.b.include?(id.b)
      end

      # @return [Boolean] whether the lease's id is to be added to the key
      def under_lease?
        false
      end

      # @param instance [Instance]
      # @return [String] the value that says it
      # @raise [ConfigurationError] for what this format cannot hold
      def encode(instance)
        raise ConfigurationError, "format: #{self.class} is for reading only (#{instance.service})"
      end

      # @param service [String] as it was asked for
      # @param id [String, nil] what stands in the key after the service
      # @param key [String]
      # @param value [String]
      # @return [Instance, nil] `nil` for a value that stands for no instance
      # @raise [StandardError] for a value that cannot be read: that instance is left out and reported
      def decode(service, id, key, value)
        raise NotImplementedError,
              "#{self.class} cannot decode the #{value.bytesize} bytes at #{key} (#{[service, id].join(' ')})"
      end

      private

      # The instance that a value stands for, its parts checked.
      def build(service, id, key, address, weight: nil, metadata: nil)
        Instance.new(service:, id: nil, key:, address:, weight:, metadata:).then do |checked|
          id ? identified(checked, id) : checked
        end
      end

      # @raise [ConfigurationError] for what JSON cannot hold
      def json(fields)
        JSON.generate(fields)
      rescue JSON::JSONError, EncodingError => e
        raise ConfigurationError, "weight or metadata: JSON cannot hold it: #{e.message}"
      end

      # The JSON object that a value is.
      def object(value, key)
        given = JSON.parse(value)
        return given if given.is_a?(Hash)

        raise ParseError.new("not a JSON object", key:)
      end

      # What stands in a key is an id, whatever its form.
      def identified(instance, id)
        Instance.new(**instance.to_h, weight: instance.weighted? ? instance.weight : nil, id: id.tr("/", ":"))
      end

      # The part of metadata that is a weight, where it can be one.
      def weight_in(metadata)
        weight = metadata.is_a?(Hash) ? Float(metadata["weight"], exception: false) : nil
        weight if weight&.between?(0, Float::MAX)
      end
    end
  end
end
