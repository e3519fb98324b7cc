# frozen_string_literal: true

require "erb"
require "json"
require "psych"

module EtcdDiscovery
  module Source
    # Keys and values from a YAML file with ERB.
    #
    # A scalar keeps its exact text (`1.10`, `12:30`, `yes`), as it would be written to etcd. A list or a
    # mapping becomes JSON. A key that ends in a slash contains the keys under it.
    #
    # @api private
    class Content
      # Deeper than anyone writes. An alias within its own anchor reaches it.
      DEEPEST = 100
      MERGE = "<<"
      # The message leaves out the alias, which may be a password that begins with an asterisk.
      BINARY_TAGS = %w[!binary tag:yaml.org,2002:binary].freeze
      ORPHAN = "is an alias without its anchor; quote text that begins with *"
      private_constant :DEEPEST, :MERGE, :BINARY_TAGS, :ORPHAN

      # @param value [Object]
      # @return [String] the value as a file holds it: JSON for a list or a mapping, otherwise the text
      def self.text(value)
        case value
        when String then value
        when Hash, Array then JSON.generate(value)
        else value.to_s
        end
      end

      # @param text [String]
      # @param path [String] for the messages
      # @param setting [String, nil] the setting that named the file, for the messages
      # @param erb [Boolean] whether the text is a template
      def initialize(text, path, setting: "source", erb: true)
        @text = text
        @path = path
        @setting = setting
        @erb = erb
        @scanner = Psych::ScalarScanner.new(Psych::ClassLoader.new)
      end

      # @return [Hash{String => String}]
      # @raise [ConfigurationError] for invalid ERB or YAML; the message contains no value
      def to_h
        document = Psych.parse(rendered, filename: @path)
        document ? flattened(root_of(document)) : {}
      rescue Psych::SyntaxError => e
        raise problem(e.line, "is not YAML: #{[e.problem, e.context].compact.join(' ')}")
      end

      # @return [Array<String>] the top-level prefixes that have keys under them
      def prefixes
        document = Psych.parse(rendered, filename: @path) or return []
        pairs = entries(root_of(document), 0)
        pairs.filter_map { |_, key, value| key if key.end_with?("/") && value.mapping? }.uniq
      end

      private

      def rendered
        return @text unless @erb

        erb = ERB.new(@text, trim_mode: "-")
        erb.filename = @path
        erb.result
      rescue StandardError, ScriptError => e
        line = [e.message, *e.backtrace].filter_map { |text| text[/#{Regexp.escape(@path)}:(\d+)/, 1] }.first
        said = e.message.lines.first.to_s.chomp.delete_prefix("#{@path}:#{line}: ")
        raise problem(line, "has ERB that fails: #{e.class}: #{said}")
      end

      def root_of(document)
        anchored = document.select { |node| !node.alias? && node.respond_to?(:anchor) && node.anchor }
        @anchors = anchored.to_h { |node| [node.anchor, node] }
        document.root.mapping? ? document.root : refuse(document.root, "is not a mapping of keys to values")
      end

      def flattened(mapping, prefix = "", depth = 0)
        entries(mapping, depth).each_with_object({}) do |(name, key, value), found|
          whole = "#{prefix}#{key}"
          if whole.end_with?("/") && value.mapping?
            found.merge!(flattened(value, whole, depth + 1))
          else
            found[whole] = text(name, value, depth)
          end
        end
      end

      # Yields the node of each key, its text, and the node of its value.
      def entries(mapping, depth)
        refuse(mapping, "is nested too deep") if depth > DEEPEST
        mapping.children.each_slice(2).flat_map do |name, value|
          value = resolve(value)
          refuse(name, "is a key that is not a text") unless name.scalar?
          name.value == MERGE && !name.quoted ? merged(value, depth + 1) : [[name, exact(name), value]]
        end
      end

      def merged(value, depth)
        mappings = value.sequence? ? value.children.map { |child| resolve(child) } : [value]
        mappings.flat_map do |mapping|
          refuse(mapping, "is merged but is not a mapping") unless mapping.mapping?
          entries(mapping, depth)
        end
      end

      def text(name, value, depth)
        return JSON.generate(object(value, depth)) unless value.scalar?

        refuse(name, "(#{name.value}) has no value; write \"\" for an empty one") if empty?(value)
        exact(value)
      end

      # Bytes that are not text are written in Base64.
      def exact(scalar)
        BINARY_TAGS.include?(scalar.tag) ? ForeignText.exact(scalar.value.unpack1("m")) : scalar.value
      end

      def object(node, depth)
        refuse(node, "is nested too deep") if depth > DEEPEST
        node = resolve(node)
        return node.children.map { |child| object(child, depth + 1) } if node.sequence?
        return node.quoted ? node.value : @scanner.tokenize(node.value) if node.scalar?

        entries(node, depth).to_h { |_, key, value| [key, object(value, depth + 1)] }
      end

      def empty?(scalar)
        !scalar.quoted && scalar.plain && @scanner.tokenize(scalar.value).nil?
      end

      def resolve(node)
        return node unless node.alias?

        @anchors.fetch(node.anchor) { refuse(node, ORPHAN) }
      end

      def refuse(node, what)
        raise problem(node.start_line + 1, what)
      end

      def problem(line, what)
        ConfigurationError.new([@setting, "#{[@path, line].compact.join(':')} #{what}"].compact.join(": "))
      end
    end
  end
end
