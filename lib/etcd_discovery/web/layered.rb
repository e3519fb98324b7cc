# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # Keys as names in the layers (`layers`).
    #
    # @api private
    module Layered
      class << self
        # @return [String, nil] the name that a key has in the innermost layer that it is in
        def short_name(client, key)
          layers = client.config.layers.select { |one| key.b.start_with?(one.b) }
          layer = layers.max_by(&:bytesize)
          return if layer.nil? || layer.bytesize == key.bytesize

          name = ForeignText.exact(key.b.delete_prefix(layer.b))
          name if client.config.name?(name)
        end

        # What is hidden is known by whole keys, so a page is always about one.
        #
        # @param given [String] a key or a name
        # @return [String] the key; of a name the one in force, or that in the first layer
        def whole(client, given)
          return given unless client.config.name?(given)

          explanation = client.explain(given)
          (explanation.winner || explanation.first).key
        end
      end
    end
  end
end
