# frozen_string_literal: true

require "open3"
require "rbconfig"
require "shellwords"
require "tmpdir"
require_relative "libclang"
require_relative "packages"

# What compiling the native library needs. Cargo finds most of it missing only minutes later, one thing per
# attempt, and shows a page of a build script's panic: this finds all of it in a second.
module Prerequisites
  CARGO_TOML = File.expand_path("../../Cargo.toml", __dir__)

  # What is wrong, what to do about it without a package, and the package for each system that has one.
  Problem = Struct.new(:fault, :remedy, :packages, keyword_init: true) do
    def sentence
      install = "install #{Packages.names(packages)}" if packages.any?
      "#{fault}: #{[remedy, install].compact.join(', or ')}."
    end
  end

  # Homebrew needs these tools itself, so it does not package them.
  XCODE = "on macOS run xcode-select --install"

  module_function

  # @return [String, nil] everything that is missing and how to install it, or nil when nothing is
  def message
    found = problems
    return if found.empty?

    <<~TEXT
      etcd_discovery cannot compile its native library on this machine. Nothing was compiled.

      #{found.map(&:sentence).join("\n")}
      #{Packages.commands(found.map(&:packages))}
      Then run the same command again. docs/installation.md tells more.
    TEXT
  end

  # @return [Array<Problem>]
  def problems
    [rust, compiler, make, libclang, ruby_headers].compact
  end

  def rust
    cargo = ENV.fetch("CARGO", "cargo")
    return no_cargo(cargo) unless program(cargo)

    [[cargo, "cargo"], [ENV.fetch("RUSTC", "rustc"), "rustc"]].each do |command, name|
      output, works = try(command, "--version")
      return rust_problem("#{name} does not run (#{first_line(output)})") unless works

      version = output[/\d+\.\d+\.\d+/]
      return rust_problem("#{name} #{version} is too old") if version && older?(version)
    end
    nil
  end

  # rustup puts cargo where only a login shell looks, and a service or a container starts none.
  def no_cargo(cargo)
    home = ENV.fetch("CARGO_HOME") { File.join(ENV.fetch("HOME", "/"), ".cargo") }
    folder = File.join(home, "bin")
    return rust_problem("#{cargo} is missing") unless program(File.join(folder, "cargo"))

    Problem.new(fault: "cargo is in #{folder}, which is not on PATH", packages: {},
                remedy: %(run export PATH="#{folder}:$PATH"))
  end

  def rust_problem(fault)
    remedy = "install Rust #{required_rust} or newer from https://rustup.rs (Debian, Ubuntu)"
    Problem.new(fault:, packages: Packages::NEEDS.fetch(:rust), remedy:)
  end

  def older?(version) = Gem::Version.new(version) < Gem::Version.new(required_rust)

  def required_rust = File.read(CARGO_TOML)[/^rust-version = "(.+)"/, 1]

  # Rust links build scripts with cc, and RubyGems has it link the library with the compiler that built Ruby.
  def compiler
    ruby_cc = Shellwords.split(RbConfig.expand(RbConfig::MAKEFILE_CONFIG.fetch("CC").dup)).first
    faults = ["cc", ruby_cc].uniq.filter_map { |command| compiler_fault(command) }
    Problem.new(fault: faults.first, packages: Packages::NEEDS.fetch(:compiler), remedy: XCODE) if faults.any?
  end

  # Linking shows what looking does not: a compiler without the C library's development files.
  def compiler_fault(command)
    return "the C compiler #{command} is missing" unless program(command)

    output, linked = Dir.mktmpdir do |folder|
      source = File.join(folder, "empty.c")
      File.write(source, "#include <stdio.h>\nint main(void) { return 0; }\n")
      try(command, source, "-o", File.join(folder, "empty"))
    end
    "the C compiler #{command} cannot link a program (#{first_line(output)})" unless linked
  end

  # RubyGems runs make after every extconf.rb, this check's own included.
  def make
    command = Shellwords.split(ENV["MAKE"] || ENV["make"] || "make").first
    return if program(command)

    Problem.new(fault: "#{command} is missing", packages: Packages::NEEDS.fetch(:make), remedy: XCODE)
  end

  def libclang
    fault = Libclang.fault
    return unless fault

    Problem.new(fault:, packages: Packages::NEEDS.fetch(:libclang),
                remedy: ENV.key?("LIBCLANG_PATH") ? "unset LIBCLANG_PATH" : nil)
  end

  def ruby_headers
    return if File.exist?(File.join(RbConfig::CONFIG.fetch("rubyhdrdir"), "ruby.h"))

    Problem.new(fault: "Ruby's C headers are missing", packages: Packages::NEEDS.fetch(:ruby_headers))
  end

  # @return [Array(String, Boolean)] what the command printed, and whether it succeeded
  def try(*command)
    output, status = Open3.capture2e(*command, chdir: __dir__)
    [output, status.success?]
  rescue SystemCallError => e
    [e.message, false]
  end

  def first_line(output) = output.strip.lines.first.to_s.chomp

  def program(name)
    folders = ENV.fetch("PATH", "").split(File::PATH_SEPARATOR)
    paths = name.include?("/") ? [name] : folders.map { |folder| File.join(folder, name) }
    paths.find { |path| File.file?(path) && File.executable?(path) }
  end
end
