# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # What code has declared about keys ({Settings}).
    #
    # @api private
    module Declared
      class << self
        # @return [Hash{String => Settings::Field}] the fields of a client's settings, by key
        def fields(client)
          Settings.fields_of(client).to_h { |field| [field.key.b, field] }
        end

        # @return [Settings::Field, nil] that of the key, or of its name in the layers
        def field(client, key, fields = fields(client))
          fields[key.b] || Layered.short_name(client, key)&.then { |name| fields[name.b] }
        end
      end
    end
  end
end
