# frozen_string_literal: true

require "fileutils"
require "json"
require "open3"
require "rbconfig"
require_relative "../ext/0_preflight/prerequisites"

# Builds the library with Cargo alone. rb_sys and rake-compiler need an extconf.rb, which this gem does not
# have, because RubyGems builds it from ext/Cargo.toml.
module Compile
  PACKAGE = "etcd_discovery"
  # The name that RubyGems uses too, so that `require "etcd_discovery.so"` finds either one.
  LIBRARY = "lib/#{PACKAGE}.#{RbConfig::CONFIG.fetch('DLEXT')}".freeze
  # On macOS the linker needs these options for symbols that only the running Ruby has.
  LINK_ARGS = RUBY_PLATFORM.include?("darwin") ? %w[-C link-arg=-undefined -C link-arg=dynamic_lookup] : []

  # Cargo recompiles when this variable changes. Without it, Cargo would reuse the library of another Ruby.
  RUBY = { "RUBY" => RbConfig.ruby }.freeze

  # Nothing of an optimization across crates is incremental, and it takes longer than the rest of a rebuild.
  QUICK = ENV["CARGO_INCREMENTAL"] == "1" ? { "CARGO_PROFILE_RELEASE_LTO" => "false" }.freeze : {}.freeze

  module_function

  # @return [String] the path of the library that Cargo built, wherever its target folder is
  def build(cargo: %w[cargo rustc], flags: [], environment: RUBY.merge(QUICK))
    output, status = Open3.capture2(environment, *cargo, "--package", PACKAGE, "--lib", "--release",
                                    "--locked", "--message-format", "json-render-diagnostics",
                                    "--", *LINK_ARGS, *flags)
    abort "cargo could not compile the extension; its output is above." unless status.success?

    artifact(output.each_line.map { |line| JSON.parse(line) })
  end

  def artifact(messages)
    message = messages.find do |candidate|
      candidate["reason"] == "compiler-artifact" &&
        candidate.dig("target", "name") == PACKAGE && candidate.dig("target", "kind") == ["cdylib"]
    end
    message.fetch("filenames").find { |path| path.end_with?(RbConfig::CONFIG.fetch("SOEXT")) }
  end

  # Installs the library by a rename. A process may have the old file mapped, and writing into it would crash
  # it.
  def install(library)
    return if File.exist?(LIBRARY) && FileUtils.identical?(library, LIBRARY)

    temporary = "#{LIBRARY}.#{Process.pid}"
    FileUtils.cp(library, temporary)
    File.rename(temporary, LIBRARY)
  ensure
    FileUtils.rm_f(temporary) if temporary
  end
end

desc "Compile the native library into lib/"
task :compile do
  message = Prerequisites.message
  abort message if message

  Compile.install(Compile.build)
end
