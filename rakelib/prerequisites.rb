# frozen_string_literal: true

require "rbconfig"

# What compiling needs besides Rust. Without this a missing tool shows as a page of a build script's panic.
module Prerequisites
  # The folders that bindgen searches on Linux, besides LIBCLANG_PATH and what llvm-config names.
  LIBCLANG_FOLDERS = %w[
    /usr/lib* /usr/lib*/*-linux-* /usr/lib*/llvm*/lib* /usr/local/lib* /usr/local/llvm*/lib*
  ].freeze

  module_function

  # @return [Array<String>] one sentence for each thing that is missing
  def missing
    {
      "cargo is missing: install Rust with rustup." => program?("cargo"),
      "protoc is missing: install the Debian package protobuf-compiler." => protoc?,
      "protoc lacks google/protobuf/*.proto: install the Debian package libprotobuf-dev." => proto_files?,
      "libclang is missing: install the Debian package libclang-dev." => libclang?,
      "Ruby's C headers are missing: install the Debian package ruby-dev." => ruby_headers?
    }.reject { |_sentence, there| there }.keys
  end

  def protoc?
    ENV.key?("PROTOC") || program?("protoc")
  end

  # Debian packages the definitions that protoc itself imports apart from it. The folders are those where it
  # looks for them.
  def proto_files?
    protoc = program("protoc")
    return true if ENV.key?("PROTOC") || ENV.key?("PROTOC_INCLUDE") || protoc.nil?

    folder = File.dirname(File.realpath(protoc))
    %w[. include ../include].any? do |place|
      File.exist?(File.join(folder, place, "google/protobuf/descriptor.proto"))
    end
  end

  # Outside Linux the places differ too much to judge: bindgen itself will say.
  def libclang?
    return true if ENV.key?("LIBCLANG_PATH") || program?("llvm-config") || !RUBY_PLATFORM.include?("linux")

    folders = ENV.fetch("LD_LIBRARY_PATH", "").split(":") + LIBCLANG_FOLDERS
    folders.any? { |folder| Dir[File.join(folder, "libclang{,-*}.so*")].any? }
  end

  def ruby_headers?
    File.exist?(File.join(RbConfig::CONFIG["rubyhdrdir"], "ruby.h"))
  end

  def program?(name) = !program(name).nil?

  def program(name)
    paths = ENV.fetch("PATH").split(File::PATH_SEPARATOR).map { |folder| File.join(folder, name) }
    paths.find { |path| File.file?(path) && File.executable?(path) }
  end
end
