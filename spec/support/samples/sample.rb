# frozen_string_literal: true

module Harness
  module Samples
    # A fenced block of a page.
    Sample = Struct.new(:page, :line, :language, :code, keyword_init: true) do
      # The blocks of a page, in its order. A fence may be indented, as in a list.
      def self.all(page, text)
        text.enum_for(:scan, /^( *)```(\S*)\n(.*?)^\1```$/m).map do
          match = Regexp.last_match
          new(page:, line: match.pre_match.count("\n") + 2, language: match[2],
              code: match[3].gsub(/^#{match[1]}/, ""))
        end
      end

      # Where the reader should put it, if the first line says so.
      def file = code[%r{\A# ((?:config|spec|test|app)/[\w./-]+|Gemfile|config\.ru|pitchfork\.conf\.rb)\b}, 1]

      # Why it is not run, or nil.
      def reason = NOT_RUN.find { |of, beginning,| of == page && code.start_with?(beginning) }&.last

      # The file that contains it, and that a spec runs.
      def quoted_from = QUOTED.find { |of, beginning,| of == page && code.start_with?(beginning) }&.last

      # What runs it.
      def kind
        case [language, file]
        in [_, _] if quoted_from then :quoted
        in ["sh", _] then code.match?(%r{^bin/rails }) ? :rails : :shell
        in ["yaml", String] then :yaml
        in ["ruby", nil] then :ruby
        in ["ruby", "Gemfile" | "config/unicorn.rb" | "config/puma.rb" | "config/spring.rb"] then :server
        in ["ruby", /_spec\.rb\z|_test\.rb\z/] then :test
        in ["ruby", %r{\Aconfig/(?:initializers/|environments/|routes|application)}] then :rails
        in ["text" | "mermaid", _] then :none
        else nil
        end
      end

      # The code with the endpoints of a real etcd.
      def code_for(endpoint) = code.gsub(ENDPOINT, endpoint)

      def to_s = "#{page}:#{line}"
    end
  end
end
