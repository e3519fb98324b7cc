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

          ForeignText.exact(key.b.delete_prefix(layer.b))
        end
      end
    end
  end
end
