# frozen_string_literal: true

require "open3"
require "rubygems/package"
require "tmpdir"

# Builds the gem from this tree, installs it like a machine without protoc, and loads it from there.
RSpec.describe "the packaged gem", :packaging do
  root = File.expand_path("../..", __dir__)
  version = EtcdDiscovery::VERSION

  # Variables that would make the child find this tree's library, or Debian's gems, instead of the installed
  # gem.
  outside = ENV.keys.grep(/\A(?:BUNDLE|BUNDLER|GEM|RUBY)/).to_h { |name| [name, nil] }

  def run(*command, chdir: @place)
    output, status = Open3.capture2e(@environment, *command, chdir:)
    status.success? ? output : raise("#{command.join(' ')} failed:\n#{output}")
  end

  # Cargo, from 1.91 on, keeps everything except the library itself in this folder. It starts with the result
  # of `rake compile`, so that most dependencies need not compile again, which takes minutes on a small
  # machine.
  build_dir = File.join(root, "target", "packaging")

  define_method(:lay_out_build_dir) do
    FileUtils.mkdir_p(build_dir)
    compiled = File.join(root, "target", "release")
    FileUtils.cp_r(compiled, build_dir, preserve: true) if File.directory?(compiled)
    # The gem's own packages compile again, from the installed sources, and so does the one that runs protoc.
    FileUtils.rm_rf(Dir[File.join(build_dir, "release/.fingerprint/etcd{_discovery,-client}*")])
  end

  before(:context) do
    @place = Dir.mktmpdir("etcd_discovery-gem")
    @home = File.join(@place, "home")
    @gem = File.join(@place, "etcd_discovery-#{version}.gem")
    @environment = outside.merge(
      "GEM_HOME" => @home, "GEM_PATH" => @home, "CARGO_BUILD_BUILD_DIR" => build_dir,
      # This machine's protoc, if any, is not used.
      "PROTOC" => "/nonexistent/protoc"
    )
    lay_out_build_dir

    run("gem", "build", "etcd_discovery.gemspec", "--output", @gem, chdir: root)
    run("gem", "install", "--local", "--no-document", @gem)
  end

  after(:context) { FileUtils.rm_rf([@place, build_dir]) }

  let(:contents) { Gem::Package.new(@gem).contents }

  it "contains everything that Cargo needs, including the lock file, because RubyGems passes --locked" do
    sources = Dir[".cargo/config.toml", "Cargo.{toml,lock}", "ext/{Cargo.toml,build.rs}", "ext/protoc/*",
                  "{src,ext/src}/**/*.rs", base: root]
    expect(contents).to include(*sources)
  end

  it "contains nothing that was compiled here" do
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
