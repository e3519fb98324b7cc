# frozen_string_literal: true

require "fileutils"
require "open3"
require_relative "ruby_config"

# The Rubies that Debian packages for an architecture, unpacked into a folder without installing them. Each
# release of Debian has one Ruby, and together they have most versions.
class DebianRubies
  # The releases to search, starting with the oldest whose Ruby the gem supports.
  SUITES = %w[bookworm trixie sid experimental].freeze
  ABIS = %w[3.1 3.3 3.4].freeze
  KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

  # @return [String, nil] this machine's Debian mirror; nil when it does not run Debian
  def self.mirror
    of_debian = ["Origin: Debian", "Label: Debian", "Created-By: Packages"]
    IO.popen(["apt-get", "indextargets", "--format", "$(REPO_URI)", *of_debian], &:read).lines.first&.chomp
  rescue Errno::ENOENT
    nil
  end

  # @param architecture [String] Debian's name of it, such as "arm64"
  def initialize(architecture)
    @architecture = architecture
    @folder = File.expand_path("tmp/rubies/#{architecture}")
  end

  # @return [Array<RubyConfig>]
  def all
    ABIS.filter_map do |abi|
      fetch(abi) unless Dir.exist?(unpacked(abi))
      RubyConfig.new(Dir[File.join(unpacked(abi), "usr/lib/*/ruby/*/rbconfig.rb")].fetch(0))
    end
  end

  # @return [Hash{String => String}] the folder of each Ruby, by its version such as "3.4"
  def folders = all.to_h { |ruby| [ruby.abi, unpacked(ruby.abi)] }

  private

  def unpacked(abi) = File.join(@folder, abi)

  def fetch(abi)
    update unless @updated
    packages = File.join(@folder, "packages-#{abi}")
    FileUtils.mkdir_p(packages)
    apt("download", "ruby#{abi}", "ruby#{abi}-dev", "libruby#{abi}", chdir: packages)

    partial = "#{unpacked(abi)}.partial"
    Dir[File.join(packages, "*.deb")].each { |package| run("dpkg-deb", "--extract", package, partial) }
    allow_older_clang(partial)
    File.rename(partial, unpacked(abi))
  ensure
    FileUtils.rm_rf([packages, partial].compact)
  end

  # Ruby 3.4's headers record which C headers the compiler of their Debian has. An older libclang lacks this
  # one, and Ruby works without it.
  def allow_older_clang(folder)
    Dir[File.join(folder, "usr/include/*/ruby-*/ruby/config.h")].each do |config|
      File.write(config, File.read(config).sub(/^#define HAVE_STDCKDINT_H .*\n/, ""))
    end
  end

  # Runs apt-get with separate sources and lists, so that this machine's stay unchanged.
  def apt(*command, **options)
    run("apt-get", "--quiet=2",
        *{ "Dir::Etc::SourceList" => File.join(@folder, "sources.list"), "Dir::Etc::SourceParts" => "-",
           "Dir::State" => File.join(@folder, "state"), "Dir::State::Status" => "/dev/null",
           "Dir::Cache" => File.join(@folder, "cache"),
           "APT::Architecture" => @architecture, "APT::Architectures" => @architecture,
           "APT::Sandbox::User" => "root", "Acquire::Languages" => "none" }
          .map { |name, value| "--option=#{name}=#{value}" }, *command, **options)
  end

  def update
    mirror = self.class.mirror or raise "this machine has no Debian mirror in its apt sources"
    %w[state/lists/partial cache/archives/partial].each { |path| FileUtils.mkdir_p(File.join(@folder, path)) }
    sources = SUITES.map { |suite| "deb [signed-by=#{KEYRING}] #{mirror} #{suite} main\n" }
    File.write(File.join(@folder, "sources.list"), sources.join)
    apt("update")
    @updated = true
  end

  def run(*command, **options)
    output, status = Open3.capture2e(*command, **options)
    raise "#{command.join(' ')} failed:\n#{output}" unless status.success?
  end
end
