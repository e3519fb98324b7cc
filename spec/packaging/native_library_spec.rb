# frozen_string_literal: true

require "fileutils"
require "open3"
require "rbconfig"
require "tmpdir"

RSpec.describe "the compiled library" do
  root = File.expand_path("../..", __dir__)
  name = "etcd_discovery.#{RbConfig::CONFIG.fetch('DLEXT')}"
  this_ruby = RUBY_VERSION[/\A\d+\.\d+/]

  # The Ruby files of the gem in a separate folder, to put libraries beside.
  before do
    @place = Dir.mktmpdir("etcd_discovery-library")
    @lib = File.join(@place, "lib")
    FileUtils.cp_r(File.join(root, "lib"), @lib)
    FileUtils.rm_f(File.join(@lib, name))
  end

  after { FileUtils.rm_rf(@place) }

  define_method(:library) { File.binread(File.join(root, "lib", name)) }

  # The library states in its data which Ruby it is built for.
  define_method(:library_of) do |version|
    library.sub("is built for Ruby #{this_ruby}") { |text| text.sub(this_ruby, version) }
  end

  def put(bytes, *path)
    file = File.join(@lib, *path)
    FileUtils.mkdir_p(File.dirname(file))
    File.binwrite(file, bytes)
    file
  end

  def load_gem(program = 'puts "loaded", $LOADED_FEATURES')
    Open3.capture2e(RbConfig.ruby, "-I", @lib, "-r", "etcd_discovery", "-e", program)
  end

  it "is the one for the running Ruby, if a native gem has several" do
    put("not a library", "etcd_discovery/3.0", name)
    put(library, "etcd_discovery", this_ruby, name)
    output, status = load_gem

    expect(status).to be_success, output
    expect(output.lines(chomp: true)).to include("loaded", File.join(@lib, "etcd_discovery", this_ruby, name))
  end

  it "is missing in a native gem for other Rubies, and the error names them and what to do" do
    %w[3.10 2.6 3.9].each { |version| put("not a library", "etcd_discovery", version, name) }
    output, status = load_gem

    expect(status).not_to be_success
    expect(output).to include("(LoadError)").and include("libraries for Ruby 2.6, 3.9 and 3.10")
      .and include("none for Ruby #{RUBY_VERSION}").and include("--platform ruby")
      .and include("force_ruby_platform")
    expect(output).not_to include("Did you mean")
  end

  it "is not compiled in a checkout, and the error gives the command that does it" do
    FileUtils.touch(File.join(@place, "Rakefile"))
    output, status = load_gem

    expect(status).not_to be_success
    expect(output).to include("etcd_discovery is not compiled for Ruby #{RUBY_VERSION}")
      .and include("(LoadError)").and include("cd #{@place} && rake compile")
    expect(output).not_to include("Did you mean")
  end

  it "is missing in an installed source gem, and the error gives the command that compiles it" do
    output, status = load_gem

    expect(status).not_to be_success
    expect(output).to include("gem pristine etcd_discovery --extensions")
  end

  it "does not run in another Ruby than it was compiled for, and the error names both" do
    put(library_of("9.9".ljust(this_ruby.size, "9")), name)
    output, status = load_gem

    expect(status.exitstatus).to eq 1
    expect(output).to include("is built for Ruby 9.9").and include("and this is Ruby #{this_ruby}")
      .and include(File.join(@lib, name)).and include("(LoadError)")
  end

  it "fails with the system's reason if the system cannot load it" do
    library = put("not a library", "etcd_discovery", this_ruby, name)
    output, status = load_gem

    expect(status).not_to be_success
    expect(output).to include(library).and include("--platform ruby")
      .and match(/invalid ELF header|not a mach-o|file too short/i)
  end
end
