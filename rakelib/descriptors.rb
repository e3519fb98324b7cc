# frozen_string_literal: true

require "json"
require "open3"

# The descriptors of etcd-client's .proto files, which ext/protoc/protoc returns instead of running protoc.
module Descriptors
  FOLDER = File.expand_path("../ext/protoc", __dir__)
  CRATE = "etcd-client"

  module_function

  # @return [String] the path of the descriptors for the version in Cargo.lock
  def write
    crate = locked_crate
    target = path(crate.fetch("version"))
    system("protoc", "--include_imports", "--include_source_info", "-o", target, "-I", "proto",
           *proto_files(crate), chdir: source(crate), exception: true)
    (Dir[path("*")] - [target]).each { |outdated| File.delete(outdated) }
    target
  end

  def path(version) = File.join(FOLDER, "#{CRATE}-#{version}.binpb")

  def locked_crate
    metadata, status = Open3.capture2("cargo", "metadata", "--locked", "--format-version", "1")
    abort "cargo metadata failed; its output is above." unless status.success?

    JSON.parse(metadata).fetch("packages").find { |package| package.fetch("name") == CRATE }
  end

  def source(crate) = File.dirname(crate.fetch("manifest_path"))

  # The files that the crate's build script gives to protoc, in the same order.
  def proto_files(crate)
    files = File.read(File.join(source(crate), "build.rs")).scan(%r{"(proto/[^"]+\.proto)"}).flatten
    files.empty? ? abort("#{CRATE}'s build.rs names no .proto file: adapt rakelib/descriptors.rb") : files
  end
end
