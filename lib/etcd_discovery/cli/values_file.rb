# frozen_string_literal: true

require "json"
require "psych"

module EtcdDiscovery
  class CLI
    # Keys and values as a file in the format of `source`, under their common prefix. Reading the file gives
    # the same bytes.
    #
    # @api private
    class ValuesFile
      # Keys that every YAML reader understands without quotes.
      PLAIN_KEY = %r{\A/?[A-Za-z_][\w./-]*\z}
      # Multi-line text that stays readable and unchanged in a YAML block.
      BLOCK = /\A(?=\S)(?:[^\n]*\S)?(?:\n(?:[^\n]*\S)?)*\n?\z/
      # Characters to escape. A line break between parts of a document is harmless.
      HAZARD = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/
      private_constant :PLAIN_KEY, :BLOCK, :HAZARD

      def initialize(prefix, values)
        @prefix = prefix
        @values = values
      end

      # @return [String]
      def yaml
        rows = @values.flat_map { |key, value| [key_node(rest(key)), value_node(value)] }
        rows = [key_node(@prefix), mapping(rows)] if nested? && rows.any?
        text = stream(mapping(rows)).to_yaml(nil, line_width: -1).delete_prefix("--- ").delete_prefix("---\n")
        text.gsub(HAZARD) { |character| escaped(character) }
      end

      # @return [String]
      # @raise [Error] for bytes that JSON cannot represent
      def json
        odd = @values.flatten.find { |text| !Escape.utf8?(text) }
        if odd
          raise Error,
                "#{Escape.cell(odd)} is not UTF-8, which JSON cannot represent; YAML can: omit --json"
        end

        rows = @values.transform_keys { |key| rest(key) }
        "#{Escape.json(JSON.pretty_generate(nested? ? { @prefix => rows } : rows)).gsub('\\u000a', "\n")}\n"
      end

      private

      # A single key, or keys without a common prefix, are not nested.
      def nested? = @prefix.end_with?("/")

      def rest(key) = nested? ? ForeignText.exact(key.byteslice(@prefix.bytesize..)) : key

      def mapping(nodes)
        Psych::Nodes::Mapping.new.tap { |mapping| mapping.children.concat(nodes) }
      end

      def stream(root)
        document = Psych::Nodes::Document.new.tap { |made| made.children << root }
        Psych::Nodes::Stream.new.tap { |made| made.children << document }
      end

      def key_node(text) = text.match?(PLAIN_KEY) ? scalar(text, :PLAIN) : value_node(text, block: false)

      def value_node(text, block: true)
        return scalar([text].pack("m0"), :DOUBLE_QUOTED, "!binary") unless Escape.utf8?(text)

        literal = block && text.include?("\n") && text.match?(BLOCK) && !text.match?(HAZARD)
        scalar(text, literal ? :LITERAL : :DOUBLE_QUOTED)
      end

      def scalar(text, style, tag = nil)
        style = Psych::Nodes::Scalar.const_get(style)
        Psych::Nodes::Scalar.new(text, nil, tag, tag.nil?, tag.nil?, style)
      end

      # Used only in double quotes: everything else was checked before.
      def escaped(character)
        format(character.ord > 0xffff ? "\\U%08X" : "\\u%04X", character.ord)
      end
    end

    # Parses a file to be applied.
    #
    # @api private
    class AppliedFile
      # A surrogate pair, which JSON has and YAML does not; or an escaped backslash, which starts none.
      SURROGATES = /\\\\|\\u[dD][89abAB]\h{2}\\u[dD][c-fC-F]\h{2}/
      private_constant :SURROGATES

      # @return [Hash{String => String}]
      attr_reader :values
      # @return [Array<String>] the prefixes that it has keys under
      attr_reader :prefixes

      # @raise [ConfigurationError] with file and line
      def self.read(path, text)
        text = text.dup.force_encoding(Encoding::UTF_8).delete_prefix("\uFEFF")
        raise ConfigurationError, "#{path} is not UTF-8" unless text.valid_encoding?

        if text.lstrip.start_with?("{")
          text = text.gsub(SURROGATES) { |pair| pair.size == 2 ? pair : JSON.parse(%("#{pair}")) }
        end
        new(Source::Content.new(text, path, setting: nil, erb: false))
      end

      def initialize(content)
        @values = content.to_h
        @prefixes = content.prefixes
      end
    end
  end
end
