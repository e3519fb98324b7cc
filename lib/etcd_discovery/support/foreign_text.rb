# frozen_string_literal: true

module EtcdDiscovery
  # Text from the environment, files and the command line, whose encoding means little.
  #
  # A process without a locale takes all of it for ASCII, and a file may be read as BINARY. So the bytes
  # count, not the claimed encoding.
  #
  # @api private
  module ForeignText
    BYTES = [Encoding::US_ASCII, Encoding::BINARY].freeze
    # Text that is not a path: a NUL (also from UTF-16), a PEM block, one in Base64, or a DER file in Base64.
    CONTENT = %r{\0|-----BEGIN|\ALS0tLS1CRUdJTi|\AMI[A-Za-z0-9+/=\s]{100,}\z}n
    private_constant :BYTES, :CONTENT

    class << self
      # @return [String, nil] the text in UTF-8; `nil` if it is not text
      def utf8(text)
        utf8 = BYTES.include?(text.encoding) ? exact(text) : text.encode(Encoding::UTF_8)
        utf8.freeze if utf8.encoding == Encoding::UTF_8 && utf8.valid_encoding?
      rescue EncodingError
        nil
      end

      # @return [String] UTF-8 if its bytes are valid, otherwise BINARY: keys of etcd may be any bytes
      def exact(text)
        text.dup.force_encoding(Escape.utf8?(text) ? Encoding::UTF_8 : Encoding::BINARY)
      end

      # @return [Array<String>] the parts between commas, without empty ones
      def parts(text)
        text.b.split(",").map(&:strip).reject(&:empty?).map { |part| exact(part) }
      end

      # @return [Boolean] whether this is a file's content instead of its path
      def content?(path) = path.b.match?(CONTENT)
    end
  end
end
