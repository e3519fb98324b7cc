# frozen_string_literal: true

require "json"

module EtcdDiscovery
  class Settings
    # Writes a value of each type as text that the typed read gives back.
    #
    # Each method takes a value and returns its text, or `nil` if the value has another type.
    #
    # @api private
    module Types
      # Matches a valid part of a list: it ends at a comma or a line break, and has no blanks around it.
      PART = /\A[^\s,](?:[^,\n]*[^\s,])?\z/
      # How deep JSON may be nested; the limit of Ruby's own library.
      DEPTH = 100
      PLAIN = [String, Integer, TrueClass, FalseClass, NilClass].freeze
      private_constant :PART, :DEPTH, :PLAIN

      ENCODERS = {
        string: ->(value) { value if value.is_a?(String) },
        integer: ->(value) { value.to_s if value.is_a?(Integer) },
        float: ->(value) { value.to_f.to_s if real?(value) },
        boolean: ->(value) { value.to_s if [true, false].include?(value) },
        list: ->(value) { value.join(",") if parts?(value) },
        duration: ->(value) { seconds(value) },
        json: ->(value) { JSON.generate(value) if json?(value) }
      }.freeze

      class << self
        # @return [String, nil] the text of a value; `nil` if it has another type
        def encoded(type, value)
          ENCODERS.fetch(type).call(value)
        rescue ArgumentError, EncodingError, JSON::JSONError
          nil # Text that is not valid in its encoding, or parts of different encodings.
        end

        # @return [Object] the seconds of an ActiveSupport duration, which is not Numeric; others as they are
        def number(value)
          !value.is_a?(Numeric) && value.respond_to?(:in_milliseconds) ? value.to_f : value
        end

        # @return [Object] the value that a reader of the text gets
        def decoded(type, value)
          case type
          when :json then freeze_deeply(JSON.parse(JSON.generate(value)))
          when :float, :duration then value.to_f
          when :list then value.map(&:to_s).freeze
          when :string then value.dup.freeze
          else value
          end
        end

        private

        def real?(value) = value.is_a?(Numeric) && value.real? && value.to_f.finite?

        def parts?(value)
          value.is_a?(Array) && value.all? do |part|
            part.is_a?(String) && part.match?(PART)
          end
        end

        def seconds(value)
          value = number(value)
          return unless real?(value) && !value.negative?

          # Avoids the form 1e-05, which is not valid in a duration.
          value.is_a?(Integer) ? value.to_s : format("%.9f", value).sub(/\.?0+\z/, "")
        end

        # An Array that has itself as a part is too deep, too.
        def json?(value, depth = DEPTH)
          case value
          when Hash then value.keys.all? { |key| name?(key) } && json?(value.values, depth)
          when Array then depth.positive? && value.all? { |part| json?(part, depth - 1) }
          else plain?(value)
          end
        end

        def plain?(value)
          value.is_a?(Float) ? value.finite? : PLAIN.include?(value.class)
        end

        def name?(key) = key.is_a?(String) || key.is_a?(Symbol)

        def freeze_deeply(value)
          case value
          when Hash then value.each_value { |part| freeze_deeply(part) }
          when Array then value.each { |part| freeze_deeply(part) }
          end
          value.freeze
        end
      end
    end
  end
end
