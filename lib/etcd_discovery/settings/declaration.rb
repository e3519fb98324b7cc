# frozen_string_literal: true

module EtcdDiscovery
  class Settings
    # The methods for the body of a class of settings.
    #
    # @api private
    module Declaration
      TAKEN = %i[by note field_named inherited_prefix].freeze
      private_constant :TAKEN

      # @api private
      # @return [WeakList] of classes
      def declared = (@declared ||= WeakList.new)

      # @api private
      def inherited(settings)
        super
        Settings.declared << settings
      end

      # Sets the prefix of the keys: `prefix "/shop/checkout/"`. Without an argument, returns it.
      #
      # @param prefix [String, nil] begins and ends with a slash
      # @return [String]
      # @raise [ConfigurationError]
      def prefix(prefix = nil)
        return inherited_prefix if prefix.nil?
        unless prefix.is_a?(String) && prefix.start_with?("/") && prefix.end_with?("/")
          raise ConfigurationError, "#{self}: the prefix #{prefix.inspect} must begin and end with a slash"
        end
        raise ConfigurationError, "#{self}: set the prefix before the fields" if own_fields.any?

        @prefix = prefix.dup.freeze
      end

      # Declares a setting: a reader of this name, and for a boolean a predicate.
      #
      # @param name [Symbol] also the end of its key
      # @param type [Symbol] `:string`, `:integer`, `:float`, `:boolean`, `:list`, `:duration` or `:json`
      # @param default [Object] in force if etcd has no good value; it must follow the rules itself
      # @param rules [Hash{Symbol => Object}] `in:` (a Range or an Array), `format:` (a Regexp), `validate:`
      #   (a callable that takes the value and returns whether it is good), `validates:` (validations of
      #   ActiveModel), `description:`
      # @return [Field]
      # @raise [ConfigurationError] for a wrong declaration
      def field(name, type:, default: nil, **rules)
        name = name.to_sym
        if taken?(name)
          raise ConfigurationError,
                "#{self}: #{name.inspect} is not a valid name for a setting, or is the name of a method"
        end

        field = Field.new(self, name, type:, default:, **rules)
        own_fields[name] = field
        define_singleton_method(name) { field.read(client) }
        define_singleton_method("#{name}?") { field.read(client) } if type == :boolean
        field
      end

      # @api private
      # @return [Hash{Symbol => Field}]
      def own_fields = (@own_fields ||= {})

      private

      def inherited_prefix
        @prefix || (superclass.prefix if superclass <= Settings && superclass != Settings) ||
          raise(ConfigurationError, "#{self} has no prefix: write `prefix \"/…/\"` before its fields")
      end

      # Keywords of `update` and methods of every class of settings would conflict with the field.
      def taken?(name)
        TAKEN.include?(name) || !name.match?(/\A[a-z_][A-Za-z0-9_]*\z/) || Settings.respond_to?(name)
      end
    end
  end
end
