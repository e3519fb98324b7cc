# frozen_string_literal: true

require "json"
require "time"

module EtcdDiscovery
  # Gives a public object a short form for JSON and YAML: the Hash returned by `to_json_safe`.
  #
  # Without it, serializers walk through instance variables to locks, caches, the environment and the
  # password, or in a circle. `as_json` and `to_json` take precedence over those that ActiveSupport gives
  # every Object.
  #
  # @api private
  module JsonSafe
    # A Hash may contain itself.
    DEEPEST = 50

    # @return [Object] the value as JSON can represent it: keys need not be UTF-8, and JSON has no infinity
    def self.of(value, depth = 0)
      case value
      when Hash, Array then nested(value, depth + 1)
      when Symbol, String then value.to_s.dup.force_encoding(Encoding::UTF_8).scrub
      when Time then value.utc.iso8601(3)
      when Float then value.finite? ? value : value.to_s
      when Integer, true, false, nil then value
      else of(other(value), depth)
      end
    end

    def self.nested(value, depth)
      return "…" if depth > DEEPEST
      return value.map { |part| of(part, depth) } if value.is_a?(Array)

      value.to_h { |name, part| [name.is_a?(String) ? of(name) : name.to_s, of(part, depth)] }
    end

    # Other objects are named, not inspected.
    def self.other(value)
      case value
      when JsonSafe then value.as_json
      when Exception then value.message
      when Numeric then value.to_f
      else value.class.to_s
      end
    end
    private_class_method :nested, :other

    # @return [Hash{String => Object}] without secrets
    def as_json(*)
      JsonSafe.of(to_json_safe)
    end

    # @return [String]
    def to_json(*options)
      as_json.to_json(*options)
    end

    # YAML gets the same as plain data, so no process can make the object from it again.
    def encode_with(coder)
      coder.implicit = true
      shown = as_json
      shown.is_a?(Array) ? coder.represent_seq(nil, shown) : coder.represent_map(nil, shown)
    end
  end
end
