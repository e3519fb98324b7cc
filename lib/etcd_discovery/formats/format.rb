# frozen_string_literal: true

module EtcdDiscovery
  module Formats
    # The base class of all formats. A custom format defines at least `encode` or `decode`.
    #
    # @see Formats
    class Format
      # The prefix of services whose name has no slash.
      PREFIX = "/service/"

      # @param service [String] a name, or a key or prefix with a slash in it
      # @return [String] the key under which the instances are, without a trailing slash
      def base(service)
        (service.include?("/") ? service : "#{PREFIX}#{service}").delete_suffix("/")
      end

      # @param instance [Instance]
      # @return [String] the key of the instance
      def key(instance)
        "#{base(instance.service)}/#{instance.id || instance.address}"
      end

      # Whether an entry belongs to a nested service: `v2/web-1` under `pay` belongs to `pay/v2`.
      #
      # An id may contain a slash too, if the value names the id. Many stacks use a URL as id.
      #
      # @param id [String] the part of the key after the service
      # @param value [String]
      # @return [Boolean]
      def nested?(id, value)
        id.b.include?("/") && !value.b.include?(id.b)
      end

      # @return [Boolean] whether the lease's id is appended to the key
      def under_lease?
        false
      end

      # @param instance [Instance]
      # @return [String] the value for the instance
      # @raise [ConfigurationError] for something that this format cannot store
      def encode(instance)
        raise ConfigurationError, "format: #{self.class} is for reading only (#{instance.service})"
      end

      # @param service [String] as requested
      # @param id [String, nil] the part of the key after the service
      # @param key [String]
      # @param value [String]
      # @return [Instance, nil] `nil` for a value that means no instance
      # @raise [StandardError] for an invalid value: that instance is skipped and reported
      def decode(service, id, key, value)
        raise NotImplementedError,
              "#{self.class} cannot decode the #{value.bytesize} bytes at #{key} (#{[service, id].join(' ')})"
      end

      private

      # Builds the instance from a value's parts, and checks them.
      def build(service, id, key, address, weight: nil, metadata: nil)
        Instance.new(service:, id: nil, key:, address:, weight:, metadata:).then do |checked|
          id ? identified(checked, id) : checked
        end
      end

      # @raise [ConfigurationError] for something that JSON cannot represent
      def json(fields)
        JSON.generate(fields)
      rescue JSON::JSONError, EncodingError => e
        raise ConfigurationError, "weight or metadata: JSON cannot represent it: #{e.message}"
      end

      # Parses the value as a JSON object.
      def object(value, key)
        given = JSON.parse(value)
        return given if given.is_a?(Hash)

        raise ParseError.new("not a JSON object", key:)
      end

      # The id comes from the key, whatever the id's form.
      def identified(instance, id)
        Instance.new(**instance.to_h, weight: instance.weighted? ? instance.weight : nil, id: id.tr("/", ":"))
      end

      # The weight in metadata, if it is a valid one.
      def weight_in(metadata)
        weight = metadata.is_a?(Hash) ? Float(metadata["weight"], exception: false) : nil
        weight if weight&.between?(0, Float::MAX)
      end
    end
  end
end
