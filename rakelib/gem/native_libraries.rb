# frozen_string_literal: true

require "fileutils"
require_relative "debian_rubies"
require_relative "ruby_config"

# The stripped libraries for one platform, one for each Ruby at hand.
class NativeLibraries
  # @param platform [NativePlatform]
  # @param rubies [String, nil] as {RubyConfig.given} takes them; nil is what Debian packages for the
  #   platform, and on other systems the Ruby that runs
  def initialize(platform, rubies: nil)
    @platform = platform
    @rubies = rubies
    @folder = File.expand_path("tmp/native/#{platform.name}")
  end

  # @return [Hash{String => String}] a Ruby's version, as "3.4", and the path of its library
  def compile
    rubies.to_h { |ruby| [ruby.abi, library(ruby)] }
  end

  private

  def rubies
    return RubyConfig.given(@rubies) if @rubies
    return DebianRubies.new(@platform.debian).all if @platform.debian && DebianRubies.mirror
    return [RubyConfig.of(RbConfig.ruby)] unless @platform.cross?

    raise "this is no Debian, to take the headers of Ruby from: name the Rubies in the variable RUBIES"
  end

  # Cargo puts the libraries of all Rubies in one place, one after the other.
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
