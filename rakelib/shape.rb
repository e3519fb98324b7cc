# frozen_string_literal: true

require_relative "rust_imports"

# Checks what keeps the source easy to read: imports run in one direction, files are short, and the state
# machines do no I/O.
module Shape
  CRATES = %w[src ext/src shelf/src].freeze
  LONGEST = 400
  SOURCES = "{*,{src,shelf,ext,lib,exe,rakelib,spec,torture,bench,docs}/**/*}.{rs,rb,rake,gemspec}"
  # What a state machine may not import: modules of this crate, and crates of others.
  IO = %w[wire transport].freeze
  IO_CRATES = %w[etcd_client tokio tonic].freeze

  module_function

  # @param root [String] the folder of the project
  # @return [Array<String>] what is wrong
  def errors(root)
    crates = CRATES.to_h { |crate| [crate, RustImports.new(File.join(root, crate))] }
    crates.flat_map { |crate, imports| circles(crate, imports) + machines(crate, imports) } + long_files(root)
  end

  def circles(crate, imports)
    imports.circles.map do |modules|
      names = modules.map { |path| path.join("::") }.sort.join(", ")
      "#{crate}: #{names} import each other in a circle; move what both need to a module of its own"
    end
  end

  def machines(crate, imports)
    forbidden = imports.all.select { |_, to| (IO & to).any? } + imports.of_crates(IO_CRATES)
    forbidden.select { |from, _| from.include?("machine") }.map do |from, to|
      names = [from, to].map { |path| path.join("::") }
      "#{crate}: the state machine #{names.join(' imports ')}; machines are pure, drivers do I/O"
    end
  end

  def long_files(root)
    Dir.glob(SOURCES, base: root).filter_map do |path|
      lines = File.foreach(File.join(root, path)).count
      "#{path} has #{lines} lines; split it, so that no file has more than #{LONGEST}" if lines > LONGEST
    end
  end
end
