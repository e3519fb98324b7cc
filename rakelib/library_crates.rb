# frozen_string_literal: true

require "open3"
require "rbconfig"

# Writes THIRD_PARTY.md: the crates that are compiled into the library on any platform with a native gem.
module LibraryCrates
  ROOT = File.expand_path("..", __dir__)
  PATH = File.join(ROOT, "THIRD_PARTY.md")
  TARGETS = %w[x86_64 aarch64].product(%w[unknown-linux-gnu unknown-linux-musl apple-darwin]).map do |parts|
    parts.join("-")
  end

  Crate = Struct.new(:name, :version, :licence, :repository) do
    # Old manifests separate alternative licences with a slash.
    def row = "| #{name} | #{version} | #{licence.gsub(%r{\s*/\s*}, ' OR ')} | <#{repository}> |"
  end

  HEADER = <<~TEXT
    # Third-party code

    The compiled library contains the crates below and Rust's standard library (MIT OR Apache-2.0). Each crate is used
    unchanged; its source, also that of the crates under the MPL, is in its repository. Build and test tools are not
    listed, because they are not in the library.

    The descriptors in `ext/protoc`, and the code generated from them, come from the `.proto` files of etcd and of
    Google's APIs (Apache-2.0), of grpc-gateway and of Protocol Buffers (BSD-3-Clause).

    `rake third_party` writes this file.

    | crate | version | licence | repository |
    | --- | --- | --- | --- |
  TEXT

  module_function

  def write
    File.write(PATH, HEADER + crates(TARGETS, "--locked").map { |crate| "#{crate.row}\n" }.join)
  end

  # @return [Array<Crate>] sorted by name and version
  def crates(targets, *flags)
    command = ["cargo", "tree", *flags, "--package", "etcd_discovery", "--edges", "normal,no-proc-macro",
               "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}|{r}",
               *targets.flat_map { |target| ["--target", target] }]
    output, status = Open3.capture2(*command, chdir: ROOT)
    raise "cargo tree failed; its output is above." unless status.success?

    found = output.lines(chomp: true).uniq.reject { |line| line.empty? || line.include?("(#{ROOT}") }
    found.map { |line| crate(line) }.sort_by { |crate| [crate.name, Gem::Version.new(crate.version)] }
  end

  def crate(line)
    package, licence, repository = line.split("|")
    name, version = package.split
    Crate.new(name, version.delete_prefix("v"), licence, repository)
  end

  # @return [Array<Array(String, String)>] names and versions in the file
  def listed
    File.read(PATH).scan(/^\| (\S+) \| (\d\S*) \|/)
  end
end
