# frozen_string_literal: true

require "rbs"
require "yaml"

module Signatures
  # The declarations in sig/.
  class Declarations
    MANIFEST = "sig/manifest.yaml"

    class << self
      # Runs RBS's own validation: every name must resolve, every override and mixin must fit. Debian has no
      # executable of RBS, but its gem is part of Ruby.
      def valid?
        options = libraries.flat_map { |library| ["-r", library] }
        system("ruby", "-e", 'load Gem.bin_path("rbs", "rbs")', "--",
               *options, "-I", "sig", "validate", "--silent")
      end

      # The standard libraries whose signatures are used in sig/.
      def libraries
        return [] unless File.exist?(MANIFEST)

        YAML.load_file(MANIFEST).fetch("dependencies").map { |dependency| dependency.fetch("name") }
      end
    end

    def initialize(root)
      @root = root
      loader = RBS::EnvironmentLoader.new
      self.class.libraries.each { |library| loader.add(library:, version: nil) }
      loader.add(path: Pathname("sig"))
      @environment = RBS::Environment.from_loader(loader).resolve_type_names
      @builder = RBS::DefinitionBuilder.new(env: @environment)
    end

    def constant?(path)
      module?(path) || @environment.constant_decls.key?(type_name(path))
    end

    def module?(path)
      @environment.class_decls.key?(type_name(path))
    end

    # @return [Array<String>] this gem's modules and classes
    def modules
      paths = @environment.class_decls.keys.map { |name| name.to_s.delete_prefix("::") }
      paths.select { |path| path == @root || path.start_with?("#{@root}::") }
    end

    # @return [Array<Symbol>] the module's methods, inherited ones included
    def methods_of(path, kind)
      definition(path, kind).methods.keys
    end

    # @return [Array<Symbol>] the methods that the module itself declares
    def own_methods_of(path, kind)
      name = type_name(path)
      own = definition(path, kind).methods.select do |_method, declared|
        declared.defs.any? { |part| part.implemented_in == name }
      end
      own.keys
    end

    private

    def definition(path, kind)
      kind == :instance ? @builder.build_instance(type_name(path)) : @builder.build_singleton(type_name(path))
    end

    def type_name(path)
      *namespace, name = path.split("::").map(&:to_sym)
      RBS::TypeName.new(name:, namespace: RBS::Namespace.new(path: namespace, absolute: true))
    end
  end
end
