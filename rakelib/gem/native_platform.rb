# frozen_string_literal: true

require "rubygems"

# A platform to build a native gem for. Without a `target` it is this machine, and Cargo suffices. Others are
# cross-compiled by cargo-zigbuild, because Zig contains the C library of each.
NativePlatform = Struct.new(:name, :target, :debian, keyword_init: true) do
  # @return [NativePlatform] this machine's platform; its library needs this machine's C library or a newer
  #   one
  def self.local
    platform = Gem::Platform.local
    system = platform.os == "linux" && platform.version.to_s.start_with?("musl") ? "linux-musl" : platform.os
    name = "#{platform.cpu}-#{system}"
    new(name:, debian: NativePlatform::CROSS[name]&.debian)
  end

  # @param name [String, nil] RubyGems' name of it; nil for this machine
  def self.find(name)
    return local if name.nil?

    NativePlatform::CROSS.fetch(name) do
      raise ArgumentError, "unknown platform #{name}; known are #{NativePlatform::CROSS.keys.join(', ')}"
    end
  end

  def cross? = !target.nil?

  # @return [String] a suffix with the glibc version that Zig links against: the oldest that Rust supports
  def glibc = target.end_with?("-gnu") ? ".2.17" : ""

  # @return [String, nil] the architecture to emulate in order to run its programs on this machine
  def emulated = name.start_with?("#{Gem::Platform.local.cpu}-") ? nil : debian

  def cargo
    cross? ? ["cargo-zigbuild", "rustc", "--target", "#{target}#{glibc}"] : %w[cargo rustc]
  end

  def environment
    return {} unless cross?

    path = [NativePlatform::TOOLS, ENV.fetch("PATH")].join(File::PATH_SEPARATOR)
    return { "PATH" => path } unless target.end_with?("-musl")

    # By default Rust links musl statically, and the result cannot be loaded as a library.
    flags = "CARGO_TARGET_#{target.upcase.tr('-', '_')}_RUSTFLAGS"
    { "PATH" => path, flags => "-C target-feature=-crt-static" }
  end
end

# The folder where bin/setup puts cargo-zigbuild and Zig. It is outside this tree, because Zig uses relative
# paths for headers inside the working folder, and build scripts run in other folders.
NativePlatform::TOOLS =
  File.join(ENV.fetch("XDG_CACHE_HOME", File.join(Dir.home, ".cache")), "etcd_discovery/native-tools/bin")

NativePlatform::CROSS = {
  "x86_64-linux" => %w[x86_64-unknown-linux-gnu amd64],
  "aarch64-linux" => %w[aarch64-unknown-linux-gnu arm64],
  "x86_64-linux-musl" => %w[x86_64-unknown-linux-musl amd64],
  "aarch64-linux-musl" => %w[aarch64-unknown-linux-musl arm64]
}.to_h { |name, (target, debian)| [name, NativePlatform.new(name:, target:, debian:)] }.freeze
