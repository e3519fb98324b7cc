# frozen_string_literal: true

# The configuration of a Ruby to build for, from its `rbconfig.rb`. That Ruby is never run, so it may have
# another version or architecture than the running one.
class RubyConfig
  class << self
    # @param rubies [String] paths of Ruby executables or of `rbconfig.rb` files, separated by spaces
    def given(rubies) = rubies.split.map { |path| path.end_with?(".rb") ? new(path) : of(path) }

    # @param ruby [String] the path of an executable
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

  # @return [String] the version whose libraries it can load, such as "3.4"
  def abi = @values.values_at("MAJOR", "MINOR").join(".")

  # @return [Hash{String => String}] the variables that make rb-sys build for it instead of for the Ruby on
  #   PATH
  def environment
    @values.merge("CROSS_COMPILING" => "yes").transform_keys { |name| "RBCONFIG_#{name}" }
  end

  private

  # Evaluates the file, which finds its own prefix wherever it was unpacked. Its version check is removed, and
  # it is evaluated in a module, because the constant RbConfig is already defined.
  def read(path)
    code = File.read(path).sub(/^\s*RUBY_VERSION\b.*\n\s*raise .*$/, "")
    namespace = Module.new
    namespace.module_eval(code, path)
    namespace.const_get(:RbConfig, false)::CONFIG.transform_values(&:to_s)
  end
end
