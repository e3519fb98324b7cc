# frozen_string_literal: true

require_relative "rust_source"

# Which Rust modules of a crate import which others. A module is a path: `%w[store snapshot]`.
#
# A name that a module passes on (`pub use entry::Entry`) counts as an import of the module that has it.
# Tests are left out: they may use everything.
class RustImports
  # @param folder [String] the crate's `src`
  def initialize(folder)
    @sources = Dir.glob("**/*.rs", base: folder).to_h do |path|
      [path.delete_suffix(".rs").split("/") - %w[lib mod], RustSource.new(File.read(File.join(folder, path)))]
    end
    tests = @sources.flat_map { |name, source| source.test_modules.map { |test| name + [test] } }
    @sources.reject! { |name, _| tests.any? { |test| name.first(test.size) == test } }
  end

  # @return [Array<Array(Array<String>, Array<String>)>] importing and imported module
  def all
    @all ||= @sources.flat_map do |from, source|
      source.paths.map { |path| [from, resolved(from, path)] }
    end.uniq
  end

  # Circles between modules of the same parent, at each level. A file may use the module that it is a part of.
  #
  # @return [Array<Array<Array<String>>>] the modules of each circle
  def circles
    reached = reachable
    in_circles = reached.keys.select { |one| reached[one].include?(one) }
    in_circles.map { |one| in_circles.select { |other| circle?(reached, one, other) } }.uniq
  end

  # @param crates [Array<String>] crates of others
  # @return [Array<Array(Array<String>, Array<String>)>] importing module and crate
  def of_crates(crates)
    pairs = @sources.keys.product(crates)
    pairs.select { |from, crate| @sources[from].crate?(crate) }.map { |from, crate| [from, [crate]] }
  end

  private

  # @return [Array<String>] the module that has what `path`, written in the module `from`, leads to
  def resolved(from, path, seen = [])
    base, names = start(from, path)
    base += [names.shift] while names.any? && @sources.key?(base + names.first(1))
    passed_on(base, names, seen) || base
  end

  # @return [Array(Array<String>, Array<String>)] the module that `path` begins at, and what follows
  def start(from, path)
    ups = path.drop_while { |name| name == "self" }.take_while { |name| name == "super" }.size
    base = path.first == "crate" ? [] : from[0, [from.size - ups, 0].max]
    [base, path.drop_while { |name| %w[crate self super].include?(name) }]
  end

  # Where `name` is imported by the module `base` itself, the module that it comes from.
  def passed_on(base, names, seen)
    path = names.any? && @sources[base]&.imports&.fetch(names.first, nil)
    return if !path || seen.include?([base, names.first])

    resolved(base, path + names.drop(1), seen + [[base, names.first]])
  end

  def siblings(from, to)
    same = from.zip(to).take_while { |one, other| one == other }.size
    [from.first(same + 1), to.first(same + 1)] if same < [from.size, to.size].min
  end

  # @return [Hash{Array<String> => Array<Array<String>>}] for each module all that it leads to
  def reachable
    edges = all.filter_map { |from, to| siblings(from, to) }.group_by(&:first)
    edges.transform_values! { |pairs| pairs.map(&:last).uniq }
    edges.keys.to_h { |from| [from, reach(edges, from)] }
  end

  def reach(edges, from, seen = [])
    edges.fetch(from, []).each do |to|
      next if seen.include?(to)

      seen << to
      reach(edges, to, seen)
    end
    seen
  end

  def circle?(reached, one, other)
    reached[one].include?(other) && reached[other].include?(one)
  end
end
