# frozen_string_literal: true

require_relative "gem/native_gem"
require_relative "gem/native_libraries"
require_relative "gem/native_platform"

desc "Build the gem into pkg/"
task :gem do
  mkdir_p "pkg"
  gemspec = Gem::Specification.load("etcd_discovery.gemspec")
  sh "gem", "build", "etcd_discovery.gemspec", "--output", "pkg/#{gemspec.full_name}.gem"
end

namespace :gem do
  desc "Build a precompiled gem, for this machine or the given platform; RUBIES names the Rubies"
  task :native, [:platform] do |_, given|
    platform = NativePlatform.find(given[:platform])
    libraries = NativeLibraries.new(platform, rubies: ENV.fetch("RUBIES", nil)).compile
    native = NativeGem.new(platform.name)
    native.build(libraries)
    puts "#{native.path}: #{(File.size(native.path) / 1e6).round(1)} MB, Ruby #{libraries.keys.join(', ')}"
  end

  desc "Install and use the native gem for this machine, or the given platform, in Debian roots (as root)"
  task :smoke, [:platform] do |_, given|
    require_relative "gem/smoke"
    platform = NativePlatform.find(given[:platform])
    smoke = Smoke.new(NativeGem.new(platform.name).path, emulate: platform.emulated)
    smoke.run or abort "The native gem does not work everywhere; see the rows above."
  end
end
