# frozen_string_literal: true

require "yard"

module Signatures
  # The public API of the loaded library. It comes from Ruby's reflection, which also finds methods defined in
  # Rust or by metaprogramming. The documentation only says what is `@api private`.
  class PublicApi
    attr_reader :root

    def initialize(root)
      @root = root
      YARD::Logger.instance.level = YARD::Logger::ERROR
      YARD.parse("lib/**/*.rb")
    end

    # @return [Array<Module>] the root and every module that public constants lead to
    def modules(from = root)
      nested = constants(from).map { |name| from.const_get(name) if defined_here?(from, name) }.compact
      [from, *nested.flat_map { |child| modules(child) }]
    end

    def constants(from)
      visible(from.constants(false), "#{from.name}::")
    end

    def methods_of(from, kind)
      case kind
      when :instance then visible(from.public_instance_methods(false), "#{from.name}#")
      when :singleton then visible(from.singleton_methods(false) - generated(from), "#{from.name}.")
      end
    end

    private

    def visible(names, owner)
      names.reject { |name| hidden?("#{owner}#{name}") }
    end

    # The methods that Ruby defines for each Struct and each Data, which need no signature.
    def generated(from)
      return Struct.new(:member).singleton_methods(false) if from < Struct
      return Data.define(:member).singleton_methods(false) if defined?(Data.define) && from < Data

      []
    end

    # Whether a constant is a module defined here, and not another name for a module from elsewhere.
    def defined_here?(from, name)
      value = from.const_get(name)
      value.is_a?(Module) && value.name == "#{from.name}::#{name}"
    end

    # Whether a name is private. `@api` of a module applies to everything in it.
    def hidden?(path)
      object = YARD::Registry.at(path)
      !object.nil? && (object.tag(:api)&.text == "private" || object.has_tag?(:private))
    end
  end
end
