# frozen_string_literal: true

require_relative "layers/names"
require_relative "layers/override"

# The methods of the default client for names in layers.
module EtcdDiscovery
  class << self
    # Says where the value of a name in the layers comes from.
    #
    # @param name [String] without a slash in front
    # @return [Explanation] what each layer has, and which one wins
    # @raise [ConfigurationError] without `layers`
    # @see Client#explain
    def explain(name)
      client.explain(name)
    end

    # Gives a name in the layers another value for a while. It reverts itself, through etcd.
    #
    # @example Ten minutes
    #   EtcdDiscovery.override("checkout/limit", "10", for: 600, by: "ann", note: "the database is slow")
    # @param name [String] without a slash in front
    # @param value [String, Object] of a declared setting ({Settings}) whatever its field takes
    # @param options [Hash{Symbol => Object}] `for:` (seconds; 600), `if_revision:`, `by:`, `note:`; see
    #   {Client#override}
    # @return [Integer] the revision of the change
    # @raise [ConfigurationError] without `layers`
    # @raise [InvalidValueError] for a value that breaks the declaration of a setting; nothing was sent
    # @raise [ConflictError] when the key has changed since `if_revision`; nothing was written
    # @see Client#override
    def override(name, value, **options)
      client.override(name, value, **options)
    end

    # Ends an override before its time.
    #
    # @param name [String] without a slash in front
    # @param options [Hash{Symbol => Object}] `if_revision:`, `by:`, `note:`; see {Client#release}
    # @return [Integer, nil] the revision of the change; `nil` if the name is not overridden
    # @raise [ConfigurationError] without `layers`
    # @raise [ConflictError] when the key has changed since `if_revision`; nothing was deleted
    # @see Client#release
    def release(name, **options)
      client.release(name, **options)
    end
  end
end
