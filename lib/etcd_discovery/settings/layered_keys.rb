# frozen_string_literal: true

module EtcdDiscovery
  class Settings
    # Finds the key that an update of a name in the layers writes.
    #
    # @api private
    class LayeredKeys
      # Someone else must change one of the keys each time before an update gives up.
      ATTEMPTS = 20
      private_constant :ATTEMPTS

      # @param client [Client, Module]
      # @param layer [String, nil] the caller's choice
      def initialize(client, layer)
        @client = DefaultClient.behind(client)
        @config = @client.config
        @layer = layer
      end

      # An override may begin between the look and the write. So the write compares the revisions that were
      # seen, and is made again if one has changed.
      #
      # @param texts [Hash{String => String, nil}] by name
      # @yieldparam texts [Hash{String => String, nil}] the same by key
      # @yieldparam revisions [Hash{String => Integer}] what the write must compare, by key
      # @return [Object] what the block returns
      # @raise [ArgumentError, InvalidRequestError, ConflictError]
      def in_place_of_names(texts, &write)
        refuse_layer unless @layer.nil? || @config.layers.include?(@layer)
        names = texts.keys.select { |name| @config.name?(name) }
        return yield(texts, {}) if names.empty?

        attempts = 0
        begin
          attempt(names, texts, &write)
        rescue ConflictError
          (attempts += 1) < ATTEMPTS ? retry : raise
        end
      end

      private

      def refuse_layer
        raise ArgumentError, "layer: #{@layer.inspect} is not a layer of this client, which has " \
                             "#{@config.layers.inspect}"
      end

      def attempt(names, texts)
        candidates = names.to_h { |name| [name, candidates(name)] }
        content = read(candidates.values.flatten)
        keys = candidates.to_h { |name, all| [name, chosen(name, all, content)] }
        yield texts.transform_keys(keys), keys.values.to_h { |key| [key, content.revision_of(key)] }
      end

      def candidates(name)
        @layer ? [Layers.key(@layer, name)] : Layers.keys(@config, name).map(&:last)
      end

      # The update shows only in the layer whose value is in force.
      def chosen(name, keys, content)
        key = keys.find { |one| content.rows.key?(one) } || keys.last
        refuse_override(name, key) if content.leased?(key)
        key
      end

      def read(keys) = History::Content.read(@client, keys.map { |key| [key, false] })

      def refuse_override(name, key)
        others = @config.layers.reject { |layer| Layers.key(layer, name) == key }
        choice = ", or name another `layer:`, #{others.join(', ')}" if others.any?
        raise InvalidRequestError.new(
          "#{name.inspect} is overridden by #{key.inspect} for a while: a value in its place would " \
          "never end, and one in a lower layer shows only after it; release it first#{choice}; " \
          "nothing was written", key:
        )
      end
    end
  end
end
