# frozen_string_literal: true

require "etc"
require "fileutils"
require "tmpdir"

# Builds a Ruby with YJIT from Debian's source package, because Debian's binary packages have no YJIT.
#
# It gives apt-get separate package lists, so that this machine's sources stay unchanged.
class YjitRuby
  # In order of preference. The archive may no longer have the files of the newest version.
  PACKAGES = %w[ruby3.4=3.4.5-1~exp1 ruby3.4 ruby3.3].freeze
  SUITES = %w[experimental sid trixie].freeze
  NEEDED = %w[
    autoconf bison dpkg-dev gcc libc6-dev libffi-dev libgmp-dev libssl-dev libyaml-dev make zlib1g-dev
  ].freeze

  # @param folder [String] where to build and keep it
  def initialize(folder)
    @folder = File.expand_path(folder)
  end

  # @return [String] the folder of `ruby`
  def bin = File.join(@folder, "ruby/bin")

  # Builds it, which takes minutes, unless it is there already.
  def build
    return self if File.executable?(File.join(bin, "ruby"))

    install_needed
    Dir.mktmpdir("ruby-source-") do |place|
      fetch(place)
      compile(Dir[File.join(place, "*.dsc")].fetch(0), place)
    end
    self
  end

  private

  def install_needed
    run("apt-get", "install", "-q", "-y", "--no-install-recommends", *NEEDED) unless Process.uid.positive?
  end

  def fetch(place)
    apt = apt_settings(place)
    run("apt-get", *apt, "-q", "update")
    Dir.chdir(place) do
      PACKAGES.any? { |package| system("apt-get", *apt, "-q", "source", "--download-only", package) } ||
        abort("no source package of Ruby could be fetched: #{PACKAGES.join(', ')}")
    end
  end

  def apt_settings(place)
    list = File.join(place, "sources.list")
    lists = File.join(place, "lists")
    FileUtils.mkdir_p(File.join(lists, "partial"))
    File.write(list, SUITES.map { |suite| "deb-src #{mirror} #{suite} main\n" }.join)
    ["-o", "Dir::Etc::SourceList=#{list}", "-o", "Dir::Etc::SourceParts=/dev/null",
     "-o", "Dir::State::Lists=#{lists}", "-o", "Acquire::Check-Valid-Until=false"]
  end

  # This machine's mirror, with Debian's keyring.
  def mirror
    text = Dir["/etc/apt/sources.list", "/etc/apt/sources.list.d/*"].map { |path| File.read(path) }.join("\n")
    "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] #{text[%r{\S+://\S+/debian(?=/?\s)}]}"
  end

  def compile(description, place)
    source = File.join(place, "source")
    run("dpkg-source", "--no-check", "-x", description, source)
    Dir.chdir(source) do
      run("./configure", "--prefix=#{File.join(@folder, 'ruby')}", "--enable-yjit", "--enable-shared",
          "--disable-install-doc", "--quiet")
      run("make", "-j#{Etc.nprocessors}", "--quiet")
      run("make", "install", "--quiet")
    end
  end

  def run(*command)
    system(*command, out: File::NULL) || abort("#{command.first(3).join(' ')} failed")
  end
end
