# frozen_string_literal: true

require "fileutils"
require "open3"
require_relative "ruby_config"

# The Rubies that Debian packages for an architecture, unpacked into a folder and not installed: each release
# of Debian has one, and together they have most.
class DebianRubies
  # The releases to look in, from the oldest whose Ruby the gem supports on.
  SUITES = %w[bookworm trixie sid experimental].freeze
  ABIS = %w[3.1 3.3 3.4].freeze
  KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

  # @return [String, nil] where this machine has its packages from; nil when it is not a Debian
  def self.mirror
    of_debian = ["Origin: Debian", "Label: Debian", "Created-By: Packages"]
    IO.popen(["apt-get", "indextargets", "--format", "$(REPO_URI)", *of_debian], &:read).lines.first&.chomp
  rescue Errno::ENOENT
    nil
  end

  # @param architecture [String] as Debian calls it, such as "arm64"
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

  # @return [Hash{String => String}] a Ruby's version, as "3.4", and the folder that it is unpacked in
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
    suit_older_clang(partial)
    File.rename(partial, unpacked(abi))
  ensure
    FileUtils.rm_rf([packages, partial].compact)
  end

  # Ruby 3.4's headers say which headers the compiler of their Debian has. An older libclang lacks this one,
  # and Ruby has a way without it.
  def suit_older_clang(folder)
    Dir[File.join(folder, "usr/include/*/ruby-*/ruby/config.h")].each do |config|
      File.write(config, File.read(config).sub(/^#define HAVE_STDCKDINT_H .*\n/, ""))
    end
  end

  # apt-get with sources and lists of its own: this machine's stay as they are.
  def apt(*command, **place)
    run("apt-get", "--quiet=2",
        *{ "Dir::Etc::SourceList" => File.join(@folder, "sources.list"), "Dir::Etc::SourceParts" => "-",
           "Dir::State" => File.join(@folder, "state"), "Dir::State::Status" => "/dev/null",
           "Dir::Cache" => File.join(@folder, "cache"),
           "APT::Architecture" => @architecture, "APT::Architectures" => @architecture,
           "APT::Sandbox::User" => "root", "Acquire::Languages" => "none" }
          .map { |name, value| "--option=#{name}=#{value}" }, *command, **place)
  end

  def update
    mirror = self.class.mirror or raise "this machine has no Debian mirror in its apt sources"
    %w[state/lists/partial cache/archives/partial].each { |path| FileUtils.mkdir_p(File.join(@folder, path)) }
    sources = SUITES.map { |suite| "deb [signed-by=#{KEYRING}] #{mirror} #{suite} main\n" }
    File.write(File.join(@folder, "sources.list"), sources.join)
    apt("update")
    @updated = true
  end

  def run(*command, **place)
    output, status = Open3.capture2e(*command, **place)
    raise "#{command.join(' ')} failed:\n#{output}" unless status.success?
  end
end
