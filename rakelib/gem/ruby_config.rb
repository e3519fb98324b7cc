# frozen_string_literal: true

# One Ruby to build for: its `rbconfig.rb`, with its C headers where that says they are. It is read here and
# never run, so it may be of another version or architecture than the Ruby that runs.
class RubyConfig
  class << self
    # @param rubies [String] executables of Ruby, or files `rbconfig.rb`, separated by spaces
    def given(rubies) = rubies.split.map { |path| path.end_with?(".rb") ? new(path) : of(path) }

    # @param ruby [String] an executable
    def of(ruby)
      path = 'print $LOADED_FEATURES.grep(/rbconfig\.rb\z/)[0]'
      new(IO.popen([ruby, "--disable-gems", "-rrbconfig", "-e", path], &:read))
    end
  end

  def initialize(path)
    @values = read(File.expand_path(path))
    header = File.join(@values.fetch("rubyhdrdir"), "ruby.h")
    raise "#{path}: there is no #{header}" unless File.exist?(header)
  end

  # @return [String] the version whose libraries it can load, as "3.4"
  def abi = @values.values_at("MAJOR", "MINOR").join(".")

  # @return [Hash{String => String}] what has rb-sys build for it instead of for the Ruby on PATH
  def environment
    @values.merge("CROSS_COMPILING" => "yes").transform_keys { |name| "RBCONFIG_#{name}" }
  end

  private

  # The file finds its own prefix, so it works wherever it was unpacked; but it refuses a Ruby of another
  # version, and the constant that it defines is taken.
  def read(path)
    code = File.read(path).sub(/^\s*RUBY_VERSION\b.*\n\s*raise .*$/, "")
    namespace = Module.new
    namespace.module_eval(code, path)
    namespace.const_get(:RbConfig, false)::CONFIG.transform_values(&:to_s)
  end
end
