# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require "rubygems/package"
require "tmpdir"
require_relative "../../rakelib/gem/native_gem"
require_relative "../../rakelib/gem/native_platform"

# Packs this tree's library like `rake gem:native`, and installs it where there is nothing but Ruby.
RSpec.describe NativeGem do
  root = File.expand_path("../..", __dir__)
  this_ruby = RUBY_VERSION[/\A\d+\.\d+/]
  library = "lib/etcd_discovery/#{this_ruby}/#{described_class::LIBRARY}"

  # Variables that would make the child find this tree's library, or Debian's gems, instead of the installed
  # gem.
  outside = ENV.keys.grep(/\A(?:BUNDLE|BUNDLER|GEM|RUBY)/).to_h { |name| [name, nil] }

  before(:context) do
    @place = Dir.mktmpdir("etcd_discovery-native")
    @gem = File.join(@place, "etcd_discovery.gem")
    Dir.chdir(root) do
      described_class.new(NativePlatform.local.name)
                     .build({ this_ruby => "lib/#{described_class::LIBRARY}" }, @gem)
    end
  end

  after(:context) { FileUtils.rm_rf(@place) }

  # Nothing on PATH: neither Cargo nor a compiler.
  define_method(:ruby) do |*arguments|
    home = File.join(@place, "home")
    environment = outside.merge("GEM_HOME" => home, "GEM_PATH" => home, "PATH" => @place)
    output, status = Open3.capture2e(environment, RbConfig.ruby, *arguments)
    status.success? ? output : raise("ruby #{arguments.join(' ')} failed:\n#{output}")
  end

  it "is for this platform and its Rubies, has a library for each, and nothing to compile" do
    package = Gem::Package.new(@gem)

    expect(Gem::Platform.match_spec?(package.spec)).to be true
    expect(package.spec.extensions).to be_empty
    last_patch = Gem::Version.new("#{this_ruby}.99")
    expect(package.spec.required_ruby_version).to be_satisfied_by(last_patch)
    expect(package.spec.required_ruby_version).not_to be_satisfied_by(last_patch.bump)
    expect(package.contents).to include(library, "lib/etcd_discovery.rb", "exe/etcd_discovery", "README.md")
    expect(package.contents.grep(/\.rs\z|Cargo|\.so\z/)).to eq [library]
  end

  it "installs within seconds without a compiler, and loads the library for its Ruby" do
    started = Harness.now
    ruby("-rrubygems/gem_runner", "-e", "Gem::GemRunner.new.run(ARGV)",
         "--", "install", "--local", "--no-document", @gem)
    expect(Harness.now - started).to be < 5

    loaded = ruby("-e", 'require "etcd_discovery"; puts $LOADED_FEATURES')
    expect(loaded).to match(%r{^#{Regexp.escape(@place)}/home/.*/#{Regexp.escape(library)}$})
  end
end
