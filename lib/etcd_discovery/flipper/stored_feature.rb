# frozen_string_literal: true

require_relative "../settings/reader"

module EtcdDiscovery
  class Flipper
    # One feature: its key, and its gates as they were read last.
    #
    # @api private
    class StoredFeature
      # What {Settings::Reader} asks.
      RULES = Gates
      ABSENT = {}.freeze
      private_constant :RULES, :ABSENT

      # @return [String] the name, as Flipper gave it
      attr_reader :name
      # @return [String] the key in etcd
      attr_reader :key

      def initialize(prefix, name)
        @name = name
        @key = (prefix.b + name.b).freeze
        @reader = Settings::Reader.new(@key, :json, ABSENT, RULES)
        @decoded = [nil, nil].freeze
      end

      # A typed read gives the same object until the key changes, so what it was decoded to is looked up by
      # identity. One assignment: other threads see the old pair or the new one.
      #
      # @return [Hash{Symbol => Object}] frozen
      def gates(client)
        fields = @reader.read(client)
        decoded = @decoded
        return decoded[1] if decoded[0].equal?(fields)

        gates = Gates.decode(fields)
        @decoded = [fields, gates].freeze
        gates
      end
    end
  end
end
