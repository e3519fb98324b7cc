# frozen_string_literal: true

module Signatures
  # Compares the public API with the declarations, in both directions.
  class Comparison
    SEPARATORS = { instance: "#", singleton: "." }.freeze

    def initialize(api, declarations)
      @api = api
      @declarations = declarations
    end

    # @return [Array<String>] one sentence for each difference
    def differences
      undeclared.map { |path| "#{path} has no signature in sig/." } +
        stale.map { |path| "sig/ declares #{path}, which does not exist." }
    end

    private

    def undeclared
      @api.modules.flat_map do |mod|
        next [mod.name] unless @declarations.module?(mod.name)

        undeclared_constants(mod) + undeclared_methods(mod)
      end
    end

    # Undeclared constants that are not modules. Modules are reported separately.
    def undeclared_constants(mod)
      paths = @api.constants(mod).map { |name| "#{mod.name}::#{name}" }
      paths.reject { |path| @declarations.constant?(path) } - @api.modules.map(&:name)
    end

    def undeclared_methods(mod)
      each_kind do |kind, separator|
        names = @api.methods_of(mod, kind) - @declarations.methods_of(mod.name, kind)
        names.map { |name| "#{mod.name}#{separator}#{name}" }
      end
    end

    def stale
      @declarations.modules.flat_map do |path|
        Object.const_defined?(path) ? stale_methods(Object.const_get(path)) : [path]
      end
    end

    def stale_methods(mod)
      each_kind do |kind, separator|
        names = @declarations.own_methods_of(mod.name, kind).reject { |name| method?(mod, kind, name) }
        names.map { |name| "#{mod.name}#{separator}#{name}" }
      end
    end

    def method?(mod, kind, name)
      case kind
      when :instance then mod.method_defined?(name) || mod.private_method_defined?(name)
      when :singleton then mod.respond_to?(name, true)
      end
    end

    def each_kind(&block) = SEPARATORS.flat_map(&block)
  end
end
