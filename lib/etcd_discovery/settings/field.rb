# frozen_string_literal: true

module EtcdDiscovery
  class Settings
    # One declared setting.
    #
    # @example
    #   CheckoutSettings.fields.first.key  # => "/shop/checkout/limit"
    class Field
      include JsonSafe

      # @return [Symbol]
      attr_reader :name
      # @return [Symbol]
      attr_reader :type
      # @return [Object] deeply frozen if it is a list or JSON
      attr_reader :default
      # @return [String, nil]
      attr_reader :description
      # @return [String] its key in etcd
      attr_reader :key

      # @api private
      # @return [Hash{Symbol => Object}] the arguments of {Declaration#field}
      attr_reader :declaration
      # @api private
      # @return [Reader]
      attr_reader :reader

      # @api private
      def initialize(settings, name, type:, default:, **rules)
        @owner = "#{settings}.#{name}"
        @name = name
        @type = type
        @key = "#{settings.prefix}#{name}".freeze
        @description = rules[:description]
        check_type
        @rules = Rules.new(@owner, name, type, rules = own(rules))
        @default = default.nil? ? nil : checked_default(default)
        @declaration = { type:, default: @default, **rules }.freeze
        @reader = Reader.new(@key, type, @default, @rules)
      end

      # @api private
      # @return [Object] the value in force
      def read(client) = @reader.read(client)

      # @api private
      # @return [Boolean] whether etcd has a value that breaks a rule
      def bad?(client) = @reader.bad?(client)

      # @api private
      # @return [Array<Symbol>] the names of its readers
      def readers = [name, (:"#{name}?" if type == :boolean)].compact

      # @param value [Object]
      # @return [Boolean] whether it has the field's type and follows its rules
      def valid?(value) = !encoded(value).nil? && @rules.problem(Types.decoded(type, value)).nil?

      # @param value [Object]
      # @return [String] the text that is written to etcd
      # @raise [InvalidValueError]
      def encode(value)
        text = encoded(value)
        raise invalid("is not #{article} #{type}: got #{value.class}") if text.nil?

        trouble = @rules.problem(Types.decoded(type, value))
        raise invalid(trouble) if trouble

        text
      end

      # @api private
      # @return [Range, Array, nil] what `in:` allows
      def accepted = @rules.accepted

      # @api private
      # @param text [String] as it is in etcd
      # @return [String] the same
      # @raise [InvalidValueError] if it has the wrong type, or breaks a rule
      def check_text(text)
        parsed = type == :string ? [text] : TypedText.parse(type.to_s, text)
        raise invalid("is not #{article} #{type}") if parsed.nil?

        trouble = @rules.problem(parsed.first)
        raise invalid(trouble) if trouble

        text
      end

      # @return [String]
      def inspect = "#<#{self.class} #{name} #{type} #{key.inspect}>"

      private

      def to_json_safe = { name:, type:, default:, description:, key: }

      def check_type
        known = Types::ENCODERS.keys
        refuse("type #{type.inspect} is not one of #{known.join(', ')}") unless known.include?(type)
      end

      def encoded(value) = Types.encoded(type, value)

      def invalid(problem)
        InvalidValueError.new("#{@owner} #{problem}; nothing was written",
                              key:)
      end

      # The caller may change its own objects later, and a subclass declares the same again.
      def own(rules)
        rules.transform_values { |rule| [Array, Hash].include?(rule.class) ? rule.dup.freeze : rule }
      end

      def article = %i[integer].include?(type) ? "an" : "a"

      def checked_default(default)
        refuse("the default is not #{article} #{type}") if encoded(default).nil?
        value = Types.decoded(type, default)
        trouble = @rules.problem(value)
        refuse("the default #{trouble}") if trouble
        value
      end

      def refuse(problem) = raise(ConfigurationError, "#{@owner}: #{problem}")
    end
  end
end
