# frozen_string_literal: true

# One Rust file as the import check reads it: without comments, texts and what only tests compile.
class RustSource
  NOISE = %r{//[^\n]*|/\*.*?\*/|r#*"(?:.*?)"#*|b?"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\\n])'}m
  TEST_ONLY = /#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*/
  DECLARATION = /\A(?:pub(?:\([^)]*\))? )?(?:use|const|static|type)\b/
  USE = /\buse\s+([^;]+);/
  INLINE = /\b(?:crate|self|super)(?:::\w+)+/
  private_constant :NOISE, :TEST_ONLY, :DECLARATION, :USE, :INLINE

  # @return [Array<String>] modules that only tests compile, declared here: `%w[model sim]`
  attr_reader :test_modules
  # @return [Hash{String => Array<String>}] what each imported name stands for: `"Entry" => %w[entry Entry]`
  attr_reader :imports

  # @param text [String]
  def initialize(text)
    @test_modules = []
    @code = without_tests(text.gsub(NOISE, '""'))
    @imports = @code.scan(USE).flat_map { |(tree)| leaves(tree) }.to_h
  end

  # @return [Array<Array<String>>] each path that the code imports or spells out
  def paths
    @imports.values + @code.gsub(USE, "").scan(INLINE).map { |path| path.split("::") }
  end

  # @param crate [String]
  def crate?(crate)
    @code.match?(/\b#{crate}::/)
  end

  private

  def without_tests(code)
    kept = +""
    while (match = TEST_ONLY.match(code))
      kept << match.pre_match
      item, code = split_item(match.post_match)
      @test_modules << item[/\bmod (\w+);/, 1] if item.match?(/\A[^{]*\bmod \w+;/)
    end
    kept << code
  end

  # An item ends with its semicolon, or with the brace that closes its body.
  def split_item(code)
    semicolon = code.index(";") || code.size
    brace = code.index("{") || code.size
    last = code.match?(DECLARATION) || semicolon < brace ? semicolon : closing(code, brace)
    [code[..last], code[(last + 1)..].to_s]
  end

  def closing(code, from)
    depth = 0
    (from...code.size).each do |at|
      depth += { "{" => 1, "}" => -1 }.fetch(code[at], 0)
      return at if depth.zero?
    end
    code.size
  end

  # `a::{b, c::D as E}` imports `b` for `a::b`, and `E` for `a::c::D`.
  def leaves(tree, before = [])
    tree = tree.strip
    return list(tree[1..-2], before) if tree.start_with?("{")

    first, rest = tree.split("::", 2)
    return leaves(rest, before + [first]) if rest

    path, name = tree.split(/\s+as\s+/)
    path == "self" && before.any? ? [[name || before.last, before]] : [[name || path, before + [path]]]
  end

  def list(inside, before)
    depth = 0
    parts = inside.each_char.slice_when do |char, _|
      depth += { "{" => 1, "}" => -1 }.fetch(char, 0)
      char == "," && depth.zero?
    end
    trees = parts.map { |part| part.join.delete_suffix(",").strip }.reject(&:empty?)
    trees.flat_map { |part| leaves(part, before) }
  end
end
