# frozen_string_literal: true

require "open3"
require "tmpdir"

# Installs the packaged gem on a machine that lacks something. Tools are hidden by PATH, and libclang by
# LIBCLANG_PATH, the only folder in which bindgen then looks for it.
RSpec.describe "installing the gem from source", :packaging do
  root = File.expand_path("../..", __dir__)
  settings_of_others = /\A(?:BUNDLE|BUNDLER|CARGO|GEM|LIBCLANG|MAKE|PROTOC|RUBY|RUSTC)/
  outside = ENV.keys.grep(settings_of_others).to_h { |name| [name, nil] }
  program = lambda do |name|
    paths = ENV.fetch("PATH").split(":").map { |folder| File.join(folder, name) }
    paths.find { |path| File.executable?(path) }
  end

  before(:context) do
    @place = Dir.mktmpdir("etcd_discovery-prerequisites")
    @gem = File.join(@place, "etcd_discovery.gem")
    output, status = Open3.capture2e("gem", "build", "etcd_discovery.gemspec", "--output", @gem, chdir: root)
    raise output unless status.success?
  end

  after(:context) { FileUtils.rm_rf(@place) }

  let(:home) { Dir.mktmpdir("home", @place) }
  let(:bin) { File.join(home, "bin") }
  let(:cargo_calls) { File.join(home, "cargo_calls") }
  # What `gem` itself needs, and what the check may start.
  let(:tools) do
    names = %w[ruby gem env sh cc as ld make rustc] << RbConfig::CONFIG.fetch("CC").split.first
    names.uniq.to_h { |name| [name, program.call(name)] }
  end

  def write_program(name, text)
    FileUtils.rm_f(File.join(bin, name))
    File.write(File.join(bin, name), "#!/bin/sh\n#{text}\n", perm: 0o755)
  end

  # The real one, which records its calls.
  def add_cargo(path)
    write_program("cargo", %(echo "$*" >>#{cargo_calls}\nexec #{path} "$@"))
  end

  before do
    FileUtils.mkdir_p(bin)
    tools.compact.each { |name, path| File.symlink(path, File.join(bin, name)) }
    add_cargo(program.call("cargo"))
  end

  define_method(:install) do |without: [], **environment|
    FileUtils.rm_f(without.map { |name| File.join(bin, name) })
    toolchain = ENV.slice("CARGO_HOME", "RUSTUP_HOME")
    toolchain["RUSTUP_HOME"] ||= File.join(Dir.home, ".rustup")
    machine = { "GEM_HOME" => home, "GEM_PATH" => home, "HOME" => home, "PATH" => bin }
    settings = outside.merge(toolchain, machine, environment.transform_keys(&:to_s))
    output, status = Open3.capture2e(settings, "gem", "install", "--local", "--no-document", @gem)
    expect(status).not_to be_success
    output
  end

  def expect_nothing_compiled(output)
    calls = File.exist?(cargo_calls) ? File.readlines(cargo_calls, chomp: true) : []
    expect(calls - ["--version"]).to be_empty
    expect(output).not_to match(/Compiling|panicked/)
    expect(Dir[File.join(home, "**", "release")]).to be_empty
  end

  it "names libclang's package for each system, before Cargo compiles anything" do
    output = install(LIBCLANG_PATH: home)
    expect(output).to include <<~TEXT
      libclang is missing from LIBCLANG_PATH (#{home}): unset LIBCLANG_PATH, or install libclang-dev (Debian, Ubuntu), clang-devel (Fedora), clang-dev (Alpine) or llvm (Homebrew).
    TEXT
    expect_nothing_compiled(output)
  end

  it "lists everything that is missing at once, with one command per system" do
    output = install(without: %w[cargo rustc cc make], LIBCLANG_PATH: home, CARGO_HOME: home)
    expect(output).to include "cargo is missing", "the C compiler cc is missing", "make is missing",
                              "libclang is missing", "https://rustup.rs",
                              "apt-get install gcc libc6-dev make libclang-dev\n",
                              "dnf install cargo gcc make clang-devel\n",
                              "apk add cargo gcc musl-dev make clang-dev\n", "brew install rust llvm\n"
    expect_nothing_compiled(output)
  end

  it "says that Rust is too old before Cargo compiles anything" do
    write_program("rustc", "echo 'rustc 1.63.0 (4b91a6ea7 2022-08-08)'")
    output = install
    expect(output).to include "rustc 1.63.0 is too old: install Rust 1.88 or newer from https://rustup.rs"
    expect_nothing_compiled(output)
  end

  it "says that a cargo installed by rustup outside PATH exists" do
    cargo_home = File.join(home, "cargo_home")
    FileUtils.mkdir_p(File.join(cargo_home, "bin"))
    FileUtils.mv(File.join(bin, "cargo"), File.join(cargo_home, "bin", "cargo"))
    output = install(CARGO_HOME: cargo_home)
    expect(output).to include %(run export PATH="#{cargo_home}/bin:$PATH".)
    expect_nothing_compiled(output)
  end

  it "says that a C compiler cannot link because the C library's files are missing" do
    write_program("cc", "echo 'fatal error: stdio.h: No such file or directory' >&2; exit 1")
    output = install
    expect(output).to include "the C compiler cc cannot link a program (fatal error: stdio.h: No such file",
                              "apt-get install gcc libc6-dev\n"
    expect_nothing_compiled(output)
  end
end
