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
  desc "Build a gem that compiles nothing, for this machine or the platform given; RUBIES names the Rubies"
  task :native, [:platform] do |_, given|
    platform = NativePlatform.find(given[:platform])
    libraries = NativeLibraries.new(platform, rubies: ENV.fetch("RUBIES", nil)).compile
    native = NativeGem.new(platform.name)
    native.build(libraries)
    puts "#{native.path}: #{(File.size(native.path) / 1e6).round(1)} MB, Ruby #{libraries.keys.join(', ')}"
  end

  desc "Install the native gem of this machine in bare Debian roots (needs root), and use it there"
  task :smoke do
    require_relative "gem/smoke"
    native = NativeGem.new(NativePlatform.local.name)
    Smoke.new(native.path).run or abort "The native gem does not work everywhere; see the rows above."
  end
end
