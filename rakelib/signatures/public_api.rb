# frozen_string_literal: true

require "yard"

module Signatures
  # What the loaded library offers. Ruby itself is asked, so that no method defined by Rust or by
  # metaprogramming escapes; the documentation only says what is `@api private`.
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

    # What Ruby itself gives each Struct and each Data, and RBS does not ask for.
    def generated(from)
      return Struct.new(:member).singleton_methods(false) if from < Struct
      return Data.define(:member).singleton_methods(false) if defined?(Data.define) && from < Data

      []
    end

    # A constant may also be another name for a module from elsewhere.
    def defined_here?(from, name)
      value = from.const_get(name)
      value.is_a?(Module) && value.name == "#{from.name}::#{name}"
    end

    # `@api` is passed on from a module to all that is in it.
    def hidden?(path)
      object = YARD::Registry.at(path)
      !object.nil? && (object.tag(:api)&.text == "private" || object.has_tag?(:private))
    end
  end
end
