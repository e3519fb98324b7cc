# frozen_string_literal: true

require "rubygems"

# A platform to build a native gem for. Without a `target` it is this machine, and Cargo builds alone.
# Others are cross-compiled by cargo-zigbuild: Zig brings the C library of each.
NativePlatform = Struct.new(:name, :target, :debian, keyword_init: true) do
  # @return [NativePlatform] the one of this machine: its library needs the C library of this machine or newer
  def self.local
    platform = Gem::Platform.local
    system = platform.os == "linux" && platform.version.to_s.start_with?("musl") ? "linux-musl" : platform.os
    name = "#{platform.cpu}-#{system}"
    new(name:, debian: NativePlatform::CROSS[name]&.debian)
  end

  # @param name [String, nil] as RubyGems calls it
  def self.find(name)
    return local if name.nil?

    NativePlatform::CROSS.fetch(name) do
      raise ArgumentError, "no recipe for #{name}: there are #{NativePlatform::CROSS.keys.join(', ')}"
    end
  end

  def cross? = !target.nil?

  # @return [String] the C library that Zig links against, after a dot: the oldest that Rust supports
  def glibc = target.end_with?("-gnu") ? ".2.17" : ""

  # @return [String, nil] the architecture to emulate, to run its programs on this machine
  def emulated = name.start_with?("#{Gem::Platform.local.cpu}-") ? nil : debian

  def cargo
    cross? ? ["cargo-zigbuild", "rustc", "--target", "#{target}#{glibc}"] : %w[cargo rustc]
  end

  def environment
    return {} unless cross?

    path = [NativePlatform::TOOLS, ENV.fetch("PATH")].join(File::PATH_SEPARATOR)
    return { "PATH" => path } unless target.end_with?("-musl")

    # Rust links musl statically unless told otherwise, and then makes no library that can be loaded.
    flags = "CARGO_TARGET_#{target.upcase.tr('-', '_')}_RUSTFLAGS"
    { "PATH" => path, flags => "-C target-feature=-crt-static" }
  end
end

# Where bin/setup puts cargo-zigbuild and Zig. Zig names its headers relative to the working folder when it
# finds them inside, and build scripts run elsewhere: so they are not in this tree.
NativePlatform::TOOLS =
  File.join(ENV.fetch("XDG_CACHE_HOME", File.join(Dir.home, ".cache")), "etcd_discovery/native-tools/bin")

NativePlatform::CROSS = {
  "x86_64-linux" => %w[x86_64-unknown-linux-gnu amd64],
  "aarch64-linux" => %w[aarch64-unknown-linux-gnu arm64],
  "x86_64-linux-musl" => %w[x86_64-unknown-linux-musl amd64],
  "aarch64-linux-musl" => %w[aarch64-unknown-linux-musl arm64]
}.to_h { |name, (target, debian)| [name, NativePlatform.new(name:, target:, debian:)] }.freeze
