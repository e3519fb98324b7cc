# frozen_string_literal: true

module EtcdDiscovery
  class Settings
    # The rules of a field besides its type.
    #
    # @api private
    class Rules
      KNOWN = %i[in format validate validates description].freeze
      private_constant :KNOWN

      # @param owner [String] for messages: the class and the name of the field
      # @raise [ConfigurationError]
      def initialize(owner, name, type, rules)
        @owner = owner
        @name = name
        @in, @format, @validate, @validates = rules.values_at(*KNOWN)
        unknown = (rules.keys - KNOWN).first
        refuse("there is no #{unknown}:") if unknown
        check_kinds(type)
        @model = model if @validates
      end

      # @return [Range, Array, nil] what `in:` allows
      def accepted = @in

      # @return [Boolean] whether every value of the type is good
      def none? = [@in, @format, @validate, @validates].all?(&:nil?)

      # @return [String, nil] what is wrong with a value of the right type, without repeating the value
      def problem(value)
        range_problem(value) || format_problem(value) || block_problem(value) || model_problem(value)
      rescue StandardError => e
        # A rule that raises for an unexpected value must not break the reader.
        "breaks its rule: #{e.class}"
      end

      private

      def range_problem(value) = ("is not in #{@in.inspect}" unless @in.nil? || @in.include?(value))

      def format_problem(value)
        (return if @format.nil? || value.match?(@format)

         "does not match #{@format.inspect}"
        )
      end

      def block_problem(value)
        (return if @validate.nil? || @validate.call(value)

         "is refused by its `validate`"
        )
      end

      def model_problem(value)
        found = @model&.new(value)
        return if found.nil? || found.valid?

        "breaks its validations: #{found.errors.map(&:type).join(', ')}"
      end

      def check_kinds(type)
        refuse("in: is a Range or an Array") unless kind?(@in, :include?)
        refuse("validate: is called with a value") unless kind?(@validate, :call)
        return if @format.nil? || (type == :string && @format.respond_to?(:match?))

        refuse("format: is for strings, and a Regexp")
      end

      def kind?(rule, method) = rule.nil? || rule.respond_to?(method)

      # A model of one attribute, whose name its validations use.
      def model
        unless defined?(::ActiveModel::Validations)
          refuse('validates: needs ActiveModel; require "active_model" first')
        end
        name = @name
        validations = @validates
        Class.new do
          include ::ActiveModel::Validations
          attr_reader name

          define_singleton_method(:model_name) { ::ActiveModel::Name.new(self, nil, "Settings") }
          define_method(:initialize) { |value| instance_variable_set("@#{name}", value) }
          validates name, **validations
        end
      end

      def refuse(problem) = raise(ConfigurationError, "#{@owner}: #{problem}")
    end
  end
end
