# frozen_string_literal: true

require "json"
require_relative "formats/format"
require_relative "formats/plain"
require_relative "formats/endpoints"
require_relative "formats/kratos"
require_relative "formats/zero"
require_relative "formats/detect"

module EtcdDiscovery
  # How an instance is stored in etcd: its key and its value.
  #
  # The formats are those of other stacks, so that Ruby finds their services, and they find Ruby's.
  #
  # | name | key | value | who else reads and writes it |
  # | --- | --- | --- | --- |
  # | `:plain` | the service's own key, or `<service>/<id>` | the address | everyone |
  # | `:endpoints` | `<service>/<id>` | `{"Op":0,"Addr":…,"Metadata":…}` | Go's clientv3, `naming/endpoints` |
  # | `:kratos` | `/microservices/<service>/<id>` | JSON | go-kratos |
  # | `:zero` | `<service>/<lease id>` | the address | go-zero |
  # | `:detect` | – | any of them, detected from the value; for reading | |
  #
  # @example a format of your own
  #   class Yaml < EtcdDiscovery::Formats::Format
  #     def encode(instance) = YAML.dump("at" => instance.address)
  #     def decode(service, id, key, value) = build(service, id, key, YAML.safe_load(value).fetch("at"))
  #   end
  #   EtcdDiscovery::Formats.add(:yaml, Yaml.new)
  #   EtcdDiscovery.service("b", format: :yaml)
  module Formats
    @known = {}

    class << self
      # @param name [Symbol]
      # @param format [Format]
      # @return [void]
      def add(name, format)
        @known = @known.merge(name => format).freeze
      end

      # @param name [Symbol, Format] a format is returned as it is
      # @return [Format]
      # @raise [ConfigurationError] for an unknown name
      def [](name)
        return name if name.is_a?(Format)

        @known[name] or raise ConfigurationError,
                              "format: #{name.inspect} is not one of #{@known.keys.map(&:inspect).join(', ')}"
      end
    end

    add(:plain, Plain.new)
    add(:endpoints, Endpoints.new)
    add(:kratos, Kratos.new)
    add(:zero, Zero.new)
    add(:detect, Detect.new)
  end
end
