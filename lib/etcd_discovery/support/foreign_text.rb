# frozen_string_literal: true

module EtcdDiscovery
  # Texts of the environment, of files and of a command line: their encoding says little.
  #
  # A process without a locale takes all of them for ASCII, and a file may be read as BINARY. There the bytes
  # count, not the encoding that they claim.
  #
  # @api private
  module ForeignText
    BYTES = [Encoding::US_ASCII, Encoding::BINARY].freeze
    # No path: a NUL (also of UTF-16), a PEM block, one in Base64, and the Base64 of a DER file.
    CONTENT = %r{\0|-----BEGIN|\ALS0tLS1CRUdJTi|\AMI[A-Za-z0-9+/=\s]{100,}\z}n
    private_constant :BYTES, :CONTENT

    class << self
      # @return [String, nil] the text in UTF-8; `nil` if it is no text
      def utf8(text)
        utf8 = BYTES.include?(text.encoding) ? exact(text) : text.encode(Encoding::UTF_8)
        utf8.freeze if utf8.encoding == Encoding::UTF_8 && utf8.valid_encoding?
      rescue EncodingError
        nil
      end

      # @return [String] UTF-8 where the bytes are, else BINARY: keys of etcd may be any bytes
      def exact(text)
        text.dup.force_encoding(Escape.utf8?(text) ? Encoding::UTF_8 : Encoding::BINARY)
      end

      # @return [Array<String>] what stands between the commas, without what is empty
      def parts(text)
        text.b.split(",").map(&:strip).reject(&:empty?).map { |part| exact(part) }
      end

      # @return [Boolean] whether it is what a file should hold, in place of the file's path
      def content?(path) = path.b.match?(CONTENT)
    end
  end
end
