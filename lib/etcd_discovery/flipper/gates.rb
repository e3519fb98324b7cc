# frozen_string_literal: true

require "json"
require_relative "exact_text"

module EtcdDiscovery
  class Flipper
    # The gates of one feature, as its value in etcd has them. It never changes.
    #
    #     {"boolean":"true"}
    #     {"actors":["User;1"],"groups":["admins"],"percentage_of_actors":"25"}
    #
    # What it does not know is kept: another version of Flipper may have more kinds of gates.
    #
    # @api private
    class Gates
      # The name of the feature, where its key does not tell it exactly.
      NAME = "name"
      private_constant :NAME

      class << self
        # @param text [String] the value in etcd
        # @return [Gates] without any gate for a text that is not the JSON of a feature: a write repairs it
        def parse(text)
          fields = JSON.parse(text)
          problem(fields) ? new({}) : new(fields)
        rescue JSON::ParserError, EncodingError
          new({})
        end

        # @param gates [Hash{Symbol => Object}] as Flipper has them
        # @return [Gates]
        def of(gates)
          fields = gates.to_h { |key, value| [key.to_s, encode(value)] }
          new(fields.reject { |_, value| value.nil? || value == [] })
        end

        # @param fields [Object] the parsed value
        # @return [String, nil] continues the sentence "the value …"
        def problem(fields)
          return "is not a JSON object with the gates of a feature" unless fields.is_a?(Hash)

          wrong = fields.find { |key, value| !fits?(key, value) }
          "has something unexpected for the gate #{wrong.first.inspect}" if wrong
        end

        # @param fields [Hash] the parsed value
        # @return [Hash{Symbol => Object}] frozen, as Flipper has it
        def decode(fields)
          defaults = ::Flipper::Adapters::Memory.default_config
          defaults.to_h do |key, default|
            value = fields[key.to_s]
            [key, default.is_a?(Set) ? Set.new(value || []) { |one| ExactText.decode(one) }.freeze : value]
          end.freeze
        end

        # @return [Hash{Symbol => Object}] sets that may be changed
        def copy(gates) = gates.transform_values { |value| value.is_a?(Set) ? value.dup : value }

        # @param text [String] the value in etcd
        # @return [String, nil]
        def feature_name(text)
          name = JSON.parse(text)[NAME] if text.include?(%("#{NAME}"))
          ExactText.decode(name) if name && ExactText.encoded?(name)
        rescue JSON::ParserError, TypeError, NoMethodError, EncodingError
          nil
        end

        private

        def fits?(key, value)
          case key
          when "actors", "groups" then value.is_a?(Array) && value.all? { |one| ExactText.encoded?(one) }
          when "boolean", "percentage_of_actors", "percentage_of_time" then value.is_a?(String)
          when "expression" then value.is_a?(Hash)
          else true
          end
        end

        def encode(value)
          case value
          when Set, Array then value.map { |one| ExactText.encode(one.to_s) }
          when Hash, nil then value
          else value.to_s
          end
        end
      end

      # @param fields [Hash{String => Object}]
      def initialize(fields)
        @fields = fields.freeze
      end

      # @return [Gates] without any gate
      def cleared = Gates.new({})

      # @param gate [::Flipper::Gate]
      # @return [Gates]
      def enable(gate, value)
        key = gate.key.to_s
        case gate.data_type
        when :boolean then Gates.new({ key => value.to_s })
        when :integer then with(key, value.to_s)
        when :set then with(key, items(key) | [ExactText.encode(value.to_s)])
        when :json then with(key, value)
        else unsupported(gate)
        end
      end

      # @param gate [::Flipper::Gate]
      # @return [Gates]
      def disable(gate, value)
        key = gate.key.to_s
        case gate.data_type
        when :boolean then cleared
        when :integer then with(key, value.to_s)
        when :set then with(key, items(key) - [ExactText.encode(value.to_s)])
        when :json then with(key, nil)
        else unsupported(gate)
        end
      end

      # @return [Gates] with the feature's name where its key would not tell it exactly
      def named(name) = with(NAME, (ExactText.encode(name) unless ExactText.plain?(name)))

      # @return [String]
      # @raise [InvalidValueError] for what JSON cannot hold
      def to_json(*)
        JSON.generate(@fields)
      rescue JSON::GeneratorError, EncodingError => e
        raise InvalidValueError, "JSON cannot hold this gate: #{e.class}"
      end

      private

      def items(key) = @fields.fetch(key, [])

      def with(key, value)
        rest = @fields.reject { |name, _| name == key }
        Gates.new(value.nil? || value == [] ? rest : rest.merge(key => value))
      end

      def unsupported(gate)
        raise ArgumentError, "#{gate.inspect} holds #{gate.data_type.inspect}, which cannot be stored"
      end
    end
  end
end
