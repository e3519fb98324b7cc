# frozen_string_literal: true

require_relative "strings/en"
require_relative "strings/zh"

module EtcdDiscovery
  class Web
    # The texts of the page in one language.
    #
    # @api private
    class Strings
      ALL = { "en" => EN, "zh" => ZH }.freeze
      TAGS = { "en" => "en", "zh" => "zh-CN" }.freeze
      private_constant :TAGS

      class << self
        # @param header [String, nil] Accept-Language
        # @return [Strings] in the language that the browser likes best; English if it likes none of them
        def for(header)
          new(wishes(header.to_s).find { |code| ALL.key?(code) } || "en")
        end

        private

        # The more a language is wanted, the earlier; of two that are wanted alike the first.
        def wishes(header)
          parts = header.scrub.split(",").first(20)
          wanted = parts.map { |part| [quality(part), part.strip.downcase[/\A[a-z]+/]] }
          ranked = wanted.each_with_index.select { |(quality, _), _| quality.positive? }
          ranked.sort_by { |(quality, _), at| [-quality, at] }.map { |(_, code), _| code }
        end

        def quality(part)
          given = part[/;\s*q=([\d.]+)/, 1]
          given ? given.to_f : 1.0
        end
      end

      # @param code [String] `en` or `zh`
      def initialize(code)
        @texts = ALL.fetch(code)
        @code = TAGS.fetch(code)
      end

      # @return [String] for HTML's `lang`
      attr_reader :code

      # @param name [Symbol]
      # @param values [Hash{Symbol => Object}] for the `%{…}` in the text
      # @return [String]
      def t(name, **values)
        text = @texts.fetch(name)
        values.empty? ? text : format(text, values)
      end
    end
  end
end
