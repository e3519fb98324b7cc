# frozen_string_literal: true

require "ripper"

module EtcdDiscovery
  module Generators
    # The text of a server's configuration, and its new text.
    #
    # It is read with Ruby's own lexer, so that words in comments and strings are not taken for code.
    #
    # @api private
    class ServerFile
      def initialize(text)
        @text = text
        # A sentinel, so that the last word of a short text has others after it.
        @tokens = Ripper.lex("#{text}\n;;;").reject { |token| token[1] == :on_sp }
      end

      # @return [String, nil] the text with the required line; nil if it is not safe to change
      def completed
        return unless sound?(@text)

        text = extended
        text if text && sound?(text)
      end

      private

      def sound?(text) = !Ripper.sexp(text).nil?

      # Text after `__END__` is not code.
      def with_end(lines)
        return if @tokens.any? { |token| token[1] == :on___end__ }

        [@text, ("\n" unless @text.empty? || @text.end_with?("\n")), "\n", lines].join
      end

      # The numbers of the lines where this word stands in code.
      def lines_of(word) = @tokens.select { |token| token[2] == word }.map { |token| token[0][0] }

      # Whether the second word follows the first, with at most two tokens between them.
      def together?(first, second)
        @tokens.each_cons(4).any? { |tokens| tokens[0][2] == first && tokens.any? { |it| it[2] == second } }
      end
    end

    # config/unicorn.rb.
    #
    # @api private
    class UnicornFile < ServerFile
      LINE = "EtcdDiscovery.after_fork"
      PLACE = "inside the block of after_fork"
      BLOCK = "after_fork do |_server, _worker|\n  #{LINE}\nend\n".freeze
      OPENING = /\A(\s*)after_fork\s*(?:do|\{)\s*(?:\|[^|]*\|)?\s*(?:#.*)?\n\z/

      def done? = together?("EtcdDiscovery", "after_fork")

      private

      # unicorn calls only the last block. If there are several, it is not clear which one counts.
      def extended
        lines = lines_of("after_fork")
        case lines.size
        when 0 then with_end(BLOCK)
        when 1 then within(lines.first)
        end
      end

      # Only into a block whose first line has nothing else.
      def within(line)
        lines = @text.lines
        indent = lines[line - 1][OPENING, 1] or return

        lines.insert(line, "#{indent}  #{LINE}\n").join
      end
    end

    # config/puma.rb.
    #
    # @api private
    class PumaFile < ServerFile
      LINE = "plugin :etcd_discovery"
      PLACE = "on a line of its own"

      def done? = together?("plugin", "etcd_discovery")

      private

      def extended = with_end("#{LINE}\n")
    end
  end
end
