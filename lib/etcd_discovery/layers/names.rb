# frozen_string_literal: true

module EtcdDiscovery
  # What the methods for layers have in common.
  #
  # @api private
  module Layers
    class << self
      # @return [Array<Array(String, String)>] the layers, each with the key that a name has in it
      # @raise [ConfigurationError, ArgumentError]
      def keys(config, name)
        check(config, name)
        config.layers.map { |layer| [layer, key(layer, name)] }
      end

      # @return [String] in UTF-8 if the bytes are
      def key(layer, name)
        bytes = layer.b << name.b
        Escape.utf8?(bytes) ? bytes.force_encoding(Encoding::UTF_8).freeze : bytes.freeze
      end

      # A write needs a whole key: which layer it should change, no one can guess.
      #
      # @raise [InvalidRequestError]
      def refuse_names(config, keys)
        return if config.layers.empty?

        name = keys.find { |key| key.is_a?(String) && config.name?(key) } or return
        example = key(config.layers.last, name)
        raise InvalidRequestError.new(
          "#{name.inspect} is a name in the layers, and this needs a whole key, such as " \
          "#{example.inspect}; for a temporary value use `override`", key: name
        )
      end

      # Values by whole key, for tests. A name gets its value in the last layer and is in no other, so that it
      # can be overridden. Without a value it is in none.
      #
      # @param values [Hash{String => String, nil}]
      def whole(config, values)
        values.each_with_object({}) do |(key, value), whole|
          next whole[key] = value unless config.name?(key)

          *above, last = config.layers.map { |layer| key(layer, key) }
          above.each { |one| whole[one] = nil }
          whole[last] = value
        end
      end

      private

      def check(config, name)
        if config.layers.empty?
          raise ConfigurationError, "layers: none are configured, so #{name.inspect} has none; " \
                                    "set `layers` to a list of prefixes"
        end
        raise TypeError, "expected a String, got #{name.class}" unless name.is_a?(String)
        return if config.name?(name)

        raise ArgumentError, "#{name.inspect} is not a name in the layers: a name is not empty, and does " \
                             "not begin with a slash"
      end
    end
  end
end
