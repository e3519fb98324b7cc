# frozen_string_literal: true

require "fileutils"
require_relative "debian_rubies"
require_relative "ruby_config"

# Compiles the stripped libraries for one platform, one for each available Ruby.
class NativeLibraries
  # @param platform [NativePlatform]
  # @param rubies [String, nil] see {RubyConfig.given}; by default Debian's Rubies for the platform, or on
  #   other systems the running Ruby
  def initialize(platform, rubies: nil)
    @platform = platform
    @rubies = rubies
    @folder = File.expand_path("tmp/native/#{platform.name}")
  end

  # @return [Hash{String => String}] the path of each library, by Ruby version such as "3.4"
  def compile
    rubies.to_h { |ruby| [ruby.abi, library(ruby)] }
  end

  private

  def rubies
    return RubyConfig.given(@rubies) if @rubies
    return DebianRubies.new(@platform.debian).all if @platform.debian && DebianRubies.mirror
    return [RubyConfig.of(RbConfig.ruby)] unless @platform.cross?

    raise "this system has no Debian packages with Ruby's headers: name the Rubies in the variable RUBIES"
  end

  # Compiles the library for one Ruby, and copies it, because Cargo writes all of them to the same path.
  def library(ruby)
    puts "#{@platform.name}: compiling for Ruby #{ruby.abi}"
    environment = @platform.environment.merge(ruby.environment)
    compiled = Compile.build(cargo: @platform.cargo, flags: %w[-C strip=symbols], environment:)
    File.binread(compiled).include?("etcd_discovery is built for Ruby #{ruby.abi}\0") or
      raise "#{compiled} is not for Ruby #{ruby.abi}"

    FileUtils.mkdir_p(@folder)
    File.join(@folder, ruby.abi).tap { |kept| FileUtils.cp(compiled, kept) }
  end
end
