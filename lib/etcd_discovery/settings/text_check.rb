# frozen_string_literal: true

module EtcdDiscovery
  class Settings
    # Checks the text of a value as it comes from a command line, against the setting that is declared for its
    # key.
    #
    # @api private
    module TextCheck
      class << self
        # @param key [String] a key, or a name in the layers
        # @param text [String] as it is to be written
        # @param layers [Array<String>] in which a key may stand for a name, and a name for a key
        # @raise [InvalidValueError] when a setting is declared, and does not take it
        def check(key, text, layers = [])
          field = field(key, layers) or return
          field.encode(parsed(field, text))
        end

        # @return [Field, nil]
        def field(key, layers = [])
          Settings.all.flat_map(&:fields).find do |field|
            same?(field.key.b, key.b, layers) || same?(key.b, field.key.b, layers)
          end
        end

        private

        # Either of the two may be the name of the other.
        def same?(name, key, layers) = name == key || layers.any? { |layer| (layer.b << name) == key }

        def parsed(field, text)
          return text if field.type == :string

          value, = TypedText.parse(field.type.to_s, text) || raise(wrong(field))
          value
        end

        def wrong(field)
          InvalidValueError.new("the value is no #{field.type}, which #{field.key} is declared as; " \
                                "nothing was written", key: field.key)
        end
      end
    end
  end
end
