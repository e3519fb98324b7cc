# frozen_string_literal: true

module EtcdDiscovery
  class Settings
    # Finds the key that an update of a name in the layers writes.
    #
    # @api private
    class LayeredKeys
      # @param client [Client, Module]
      # @param layer [String, nil] the caller's choice
      def initialize(client, layer)
        @client = client.equal?(EtcdDiscovery) ? client.client : client
        @config = @client.config
        @layer = layer
      end

      # @param texts [Hash{String => String, nil}] by name
      # @return [Hash{String => String, nil}] the same by key
      # @raise [ArgumentError, InvalidRequestError]
      def in_place_of_names(texts)
        refuse_layer unless @layer.nil? || @config.layers.include?(@layer)
        names = texts.keys.select { |name| @config.name?(name) }
        return texts if names.empty?

        keys = @layer ? names.to_h { |name| [name, Layers.key(@layer, name)] } : where_in_force(names)
        texts.transform_keys(keys)
      end

      private

      def refuse_layer
        raise ArgumentError, "layer: #{@layer.inspect} is not a layer of this client, which has " \
                             "#{@config.layers.inspect}"
      end

      # The update shows only in the layer whose value is in force.
      #
      # @return [Hash{String => String}] the key of each name
      def where_in_force(names)
        candidates = names.to_h { |name| [name, Layers.keys(@config, name).map(&:last)] }
        content = read(candidates.values.flatten)
        candidates.to_h { |name, keys| [name, key_in_force(name, keys, content)] }
      end

      def key_in_force(name, keys, content)
        key = keys.find { |one| content.rows.key?(one) } || keys.last
        refuse_override(name, key) if content.leased?(key)
        key
      end

      def read(keys) = History::Content.read(@client, keys.map { |key| [key, false] })

      def refuse_override(name, key)
        raise InvalidRequestError.new(
          "#{name.inspect} is overridden by #{key.inspect} for a while, and another value would have no " \
          "effect; release it first, or name a `layer:`; nothing was written", key:
        )
      end
    end
  end
end
