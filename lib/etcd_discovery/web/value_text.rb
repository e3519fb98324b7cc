# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # Values as texts in a form, and back. A browser changes line breaks and cannot hold every byte, so what
    # would not come back as it was is edited in Base64, or not at all.
    #
    # @api private
    module ValueText
      # A value whose text cannot be read as the declared type.
      class Wrong < StandardError; end

      # Larger ones are for a file and `etcd_discovery apply`.
      LARGEST = 128 * 1024

      class << self
        # @return [Symbol] `:text`, `:base64`, or `:large` for what is not edited here
        def form_of(value)
          return :text if value.nil?
          return :large if value.bytesize > LARGEST

          Escape.utf8?(value) && !value.b.match?(/[\x00-\x08\x0b-\x1f\x7f]/n) ? :text : :base64
        end

        # @return [String] for a textarea
        def shown(value, form) = form == :base64 ? [value].pack("m") : value

        # @param text [String] of a form
        # @return [String] the value
        # @raise [Wrong]
        def value(text, form)
          return text.gsub("\r\n", "\n") unless form == "base64"

          ForeignText.exact(text.gsub(/\s/, "").unpack1("m0"))
        rescue ArgumentError
          raise Wrong
        end

        # Checks a text as its field's declaration says.
        #
        # @return [String] what to write
        # @raise [Wrong, InvalidValueError]
        def checked(field, text)
          return text if field.nil?

          text = text.strip unless field.type == :string
          raise Wrong unless field.type == :string || TypedText.parse(field.type.to_s, text)

          field.check_text(text)
        end
      end
    end
  end
end
