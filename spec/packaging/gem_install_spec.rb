# frozen_string_literal: true

require "open3"
require "rubygems/package"
require "tmpdir"

# Builds the gem from this tree, installs it as a user's machine would, and loads it from there. RubyGems
# compiles the whole workspace for that, which takes minutes on a small machine.
RSpec.describe "the packaged gem", :packaging do
  root = File.expand_path("../..", __dir__)
  version = EtcdDiscovery::VERSION

  # What would make the child find this tree's library, or Debian's gems, instead of the installed gem.
  outside = ENV.keys.grep(/\A(?:BUNDLE|BUNDLER|GEM|RUBY)/).to_h { |name| [name, nil] }

  def run(*command, chdir: @place)
    output, status = Open3.capture2e(@environment, *command, chdir:)
    status.success? ? output : raise("#{command.join(' ')} failed:\n#{output}")
  end

  before(:context) do
    @place = Dir.mktmpdir("etcd_discovery-gem")
    @home = File.join(@place, "home")
    @gem = File.join(@place, "etcd_discovery-#{version}.gem")
    # Where Cargo, from 1.91 on, leaves all but the library itself, so that the next run need not compile the
    # dependencies again. RubyGems' own folder goes when the spec ends.
    @environment = outside.merge(
      "GEM_HOME" => @home, "GEM_PATH" => @home,
      "CARGO_BUILD_BUILD_DIR" => File.join(root, "target", "packaging")
    )
    run("gem", "build", "etcd_discovery.gemspec", "--output", @gem, chdir: root)
    run("gem", "install", "--local", "--no-document", @gem)
  end

  after(:context) { FileUtils.rm_rf(@place) }

  let(:contents) { Gem::Package.new(@gem).contents }

  it "ships everything that Cargo needs, and the lock file, for RubyGems passes --locked" do
    sources = Dir["Cargo.{toml,lock}", "ext/{Cargo.toml,build.rs}", "{src,ext/src}/**/*.rs", base: root]
    expect(contents).to include(*sources)
  end

  it "ships nothing that was compiled here" do
    expect(contents.grep(%r{\.(?:so|bundle|dylib|rlib|o)\z|(?:\A|/)target/})).to be_empty
  end

  it "loads the library that was compiled on installation" do
    program = 'require "etcd_discovery"; puts EtcdDiscovery::VERSION, $LOADED_FEATURES'
    loaded_version, *features = run("ruby", "-e", program).lines(chomp: true)

    installed = File.join(@home, "gems", "etcd_discovery-#{version}", "lib", "etcd_discovery")
    expect(loaded_version).to eq version
    expect(features.grep(/etcd_discovery\.\w+\z/))
      .to contain_exactly("#{installed}.rb", "#{installed}.#{RbConfig::CONFIG.fetch('DLEXT')}")
  end
end
