# frozen_string_literal: true

require "json"
require_relative "formats/format"
require_relative "formats/plain"
require_relative "formats/endpoints"
require_relative "formats/kratos"
require_relative "formats/zero"
require_relative "formats/detect"

module EtcdDiscovery
  # How an instance stands in etcd: its key, and what the value says. So that Ruby finds the services of other
  # stacks, and they find Ruby's.
  #
  # | name | key | value | who else reads and writes it |
  # | --- | --- | --- | --- |
  # | `:plain` | the service's own key, or `<service>/<id>` | the address | everybody |
  # | `:endpoints` | `<service>/<id>` | `{"Op":0,"Addr":…,"Metadata":…}` | Go's clientv3, `naming/endpoints` |
  # | `:kratos` | `/microservices/<service>/<id>` | JSON | go-kratos |
  # | `:zero` | `<service>/<lease id>` | the address | go-zero |
  # | `:detect` | – | any of them, told by the value; for reading | |
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

      # @param name [Symbol, Format] a format is its own name
      # @return [Format]
      # @raise [ConfigurationError] for a name that nobody added
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
