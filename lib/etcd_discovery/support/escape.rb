# frozen_string_literal: true

module EtcdDiscovery
  # Makes foreign text safe to show: keys, values and etcd's own messages may contain any byte.
  #
  # A terminal executes escape sequences, a newline forges a line of a log or a row of a table, and a
  # right-to-left mark reverses the rest of a line. A byte that is not UTF-8 breaks programs that read the
  # output.
  #
  # @api private
  module Escape
    # Control characters (C1 too: U+009B begins an escape sequence), invisible format characters, line breaks.
    HAZARD = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/
    # Text that would be misread between two columns, or taken for quoted text.
    UNCLEAR = /#{HAZARD}|\A["\p{Space}]|\p{Space}\z|\p{Space}{2}/
    NAMED = { "\n" => "\\n", "\r" => "\\r", "\t" => "\\t" }.freeze
    private_constant :UNCLEAR, :NAMED

    class << self
      # @param text [String] of any encoding
      # @return [String] one line of valid UTF-8, unchanged if nothing in it can do harm
      def line(text)
        utf8(text).scrub { |bytes| hex(bytes) }.gsub(HAZARD) { |character| escaped(character) }
      end

      # @param text [String] of any encoding
      # @return [String] the same for a column: quoted, and so reversible, if something was escaped
      def cell(text)
        text = utf8(text)
        text.valid_encoding? && !text.empty? && !text.match?(UNCLEAR) ? text : quote(text)
      end

      # @param json [String] a JSON document
      # @return [String] the same document without characters that a terminal acts on
      def json(json)
        json.gsub(HAZARD) do |character|
          character.encode(Encoding::UTF_16BE).unpack("n*").map { |unit| format("\\u%04x", unit) }.join
        end
      end

      # @param text [String]
      # @return [Boolean] whether its bytes are UTF-8, whatever encoding it claims
      def utf8?(text) = utf8(text).valid_encoding?

      # @param text [String]
      # @return [String] quoted, whatever is in it
      def quote(text)
        %("#{utf8(text).each_char.map { |character| quoted(character) }.join}")
      end

      private

      # Uses the bytes, not the claimed encoding: a process without a locale calls everything ASCII.
      def utf8(text)
        unless text.encoding.ascii_compatible?
          return text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
        end

        text.encoding == Encoding::UTF_8 ? text : text.dup.force_encoding(Encoding::UTF_8)
      end

      def quoted(character)
        return hex(character) unless character.valid_encoding?

        case character
        when '"', "\\" then "\\#{character}"
        when HAZARD then escaped(character)
        else character
        end
      end

      def escaped(character)
        NAMED.fetch(character) do
          code = character.ord
          next hex(character) if code < 0x80

          format(code > 0xffff ? "\\u{%x}" : "\\u%04x", code)
        end
      end

      def hex(bytes) = bytes.bytes.map { |byte| format("\\x%02x", byte) }.join
    end
  end
end
