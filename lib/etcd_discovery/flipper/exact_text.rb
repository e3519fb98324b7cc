# frozen_string_literal: true

module EtcdDiscovery
  class Flipper
    # A text in JSON. Names and actors may be any bytes, in any encoding, and JSON holds UTF-8 alone.
    # Everything else is an object with the bytes in Base64 and the name of the encoding.
    #
    # @api private
    module ExactText
      module_function

      # @return [Boolean] whether JSON holds the text as it is
      def plain?(text)
        return true if text.ascii_only? && text.encoding.ascii_compatible?

        text.encoding == Encoding::UTF_8 && text.valid_encoding?
      end

      # @return [String, Hash]
      def encode(text)
        plain?(text) ? text : { "base64" => [text].pack("m0"), "encoding" => text.encoding.name }
      end

      # @return [Boolean] whether {decode} takes it
      def encoded?(value)
        return true if value.is_a?(String)

        value.is_a?(Hash) && value["base64"].is_a?(String) && value["encoding"].is_a?(String)
      end

      # @return [String] frozen
      def decode(value)
        return value.dup.freeze if value.is_a?(String)

        value["base64"].unpack1("m").force_encoding(encoding(value["encoding"])).freeze
      end

      def encoding(name)
        Encoding.find(name)
      rescue ArgumentError
        Encoding::BINARY # one that this Ruby does not have
      end
    end
  end
end
