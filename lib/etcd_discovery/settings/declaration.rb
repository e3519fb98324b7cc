# frozen_string_literal: true

module EtcdDiscovery
  class Settings
    # The methods for the body of a class of settings.
    #
    # @api private
    module Declaration
      TAKEN = %i[by note layer raise].freeze
      private_constant :TAKEN

      # @api private
      # @return [WeakList] of classes
      def declared = (@declared ||= WeakList.new)

      # @api private
      def inherited(settings)
        super
        Settings.declared << settings
        settings.adopt(own_fields.values)
      end

      # @api private
      # Takes over the fields of the superclass, with its own readers: it may have another prefix or client.
      def adopt(fields)
        fields.each { |field| add(field.name, field.declaration) }
      end

      # Sets the prefix of the keys: `prefix "/shop/checkout/"`. Without an argument, returns it. Without a
      # slash in front it is a prefix of names in the layers (`layers`). Inherited fields move to it.
      #
      # @param prefix [String, nil] ends in a slash
      # @return [String]
      # @raise [ConfigurationError]
      def prefix(prefix = nil)
        return inherited_prefix if prefix.nil?
        raise ConfigurationError, "#{self}: set the prefix before the fields" if @declares

        @prefix = Configuration.prefix(prefix, "#{self}: prefix")
        adopt(own_fields.values)
        @prefix
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

        field = add(name, { type:, default:, **rules })
        @declares = true
        subclasses.each { |settings| settings.adopt([field]) }
        field
      end

      # @api private
      # @return [Hash{Symbol => Field}]
      def own_fields = (@own_fields ||= {})

      private

      def add(name, declaration)
        own_fields[name] = Field.new(self, name, **declaration).tap { |field| define_readers(field) }
      end

      # A class of its own client has to ask for it; for the others the call is spared.
      def define_readers(field)
        keep("READER_#{field.name}", field.reader)
        keep("KEY_#{field.name}", field.key)
        keep("DEFAULT_#{field.name}", field.default)
        field.readers.each do |name|
          class_eval(field.reader.source(name, field.name, code_of_client), __FILE__, __LINE__)
        end
      end

      def code_of_client
        method(:client).owner == Settings.singleton_class ? "::EtcdDiscovery" : "client"
      end

      def keep(constant, value)
        remove_const(constant) if const_defined?(constant, false)
        const_set(constant, value)
        private_constant(constant)
      end

      # `def self.client` may come after the fields.
      def singleton_method_added(name)
        super
        own_fields.each_value { |field| define_readers(field) } if name == :client && self != Settings
      end

      def inherited_prefix
        @prefix || (superclass.prefix if superclass <= Settings && superclass != Settings) ||
          raise(ConfigurationError, "#{self} has no prefix: write `prefix \"/…/\"` before its fields")
      end

      # Keywords of `update` and methods of every class of settings would conflict with the field.
      def taken?(name)
        TAKEN.include?(name) || !name.match?(/\A[a-z_][A-Za-z0-9_]*\z/) || Settings.respond_to?(name) ||
          own_private?(name)
      end

      # Not those of Kernel, such as `open` and `format`: they are good names, and not called here.
      def own_private?(name)
        [Settings.singleton_class, Declaration, Class, Module, BasicObject].any? do |owner|
          owner.private_method_defined?(name, false)
        end
      end
    end
  end
end
