# frozen_string_literal: true

require_relative "lib/etcd_discovery/version"

repository = "https://github.com/etcd-discovery/etcd_discovery"

Gem::Specification.new do |spec|
  spec.name = "etcd_discovery"
  spec.version = EtcdDiscovery::VERSION
  spec.authors = ["The etcd_discovery authors"]
  spec.summary = "A live local copy of etcd keys in every Ruby process"
  spec.description = <<~TEXT
    Every process of a Ruby application holds a copy of the etcd keys it asked for in its own memory, kept
    current by etcd's watch: reading one costs what a Hash costs. A process also registers its own service
    under a lease that a native thread keeps alive, and finds the services of others.
  TEXT
  spec.license = "MIT"
  spec.homepage = repository
  spec.metadata = {
    "source_code_uri" => "#{repository}/tree/v#{spec.version}",
    "changelog_uri" => "#{repository}/blob/v#{spec.version}/CHANGELOG.md",
    "documentation_uri" => "#{repository}/tree/v#{spec.version}/docs",
    "bug_tracker_uri" => "#{repository}/issues",
    "rubygems_mfa_required" => "true"
  }

  spec.required_ruby_version = ">= 3.1"
  # The first RubyGems that builds an extension from a Cargo.toml.
  spec.required_rubygems_version = ">= 3.3.11"

  # Cargo compiles on the user's machine, so the whole workspace ships, and the lock file with it: RubyGems
  # passes --locked. What an earlier compilation left behind must not.
  spec.files = Dir.chdir(__dir__) do
    Dir["{src,ext,shelf/src,lib,sig,docs,exe}/**/*", "shelf/Cargo.toml", "Cargo.{toml,lock}",
        ".cargo/config.toml",
        "README.md", "README.zh-CN.md", "CHANGELOG.md", "LICENSE", "THIRD_PARTY.md"]
      .select { |path| File.file?(path) }
      .reject { |path| path.end_with?(".so", ".bundle", ".dylib") || path.include?("/target/") }
      .reject { |path| path.start_with?("docs/images/") } # on the site, and larger than all guides together
      .sort
  end
  spec.require_paths = ["lib"]
  spec.bindir = "exe"
  spec.executables = ["etcd_discovery"]
  # The first one checks what the second one needs. RubyGems 4 sorts them by name, hence the 0.
  spec.extensions = %w[ext/0_preflight/extconf.rb ext/Cargo.toml]
end
