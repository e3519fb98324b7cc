# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"

# A Debian of its own in a temporary folder, made by debootstrap; needs root.
#
# Each command runs in mount and process namespaces of its own. Its mounts, and the processes that it leaves
# behind, end with it, even when this process is killed: the folder can be removed without unmounting.
class DebianRoot
  # Arguments: the root and the command. The shell stays as the first process of its namespace: there, a
  # command would ignore signals and have orphans to reap.
  ENTER = <<~SH
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    chroot "$root" "$@"
  SH

  # Packages that were downloaded for one root serve the next.
  CACHE = File.expand_path("../tmp/debootstrap", __dir__)

  class << self
    # @yieldparam root [DebianRoot]
    # @return [Object] what the block gives; the folder is removed however the block ends
    def open(suite, **options)
      root = new(suite, **options)
      root.make
      yield root
    ensure
      root&.remove
    end
  end

  attr_reader :folder

  # @param suite [String] a release of Debian, such as "trixie"
  # @param packages [Array<String>] to install besides the smallest system
  def initialize(suite, packages: [])
    @suite = suite
    @packages = packages
    @folder = Dir.mktmpdir("debian-#{suite}-")
  end

  # @return [void]
  def make = debootstrap

  # Installs packages of another release; what they need comes from it only when this one lacks it.
  def install_from(suite, *packages)
    sources = File.join(folder, "etc/apt/sources.list")
    File.write(sources, File.read(sources).lines.first.sub(" #{@suite} ", " #{suite} "), mode: "a")
    # A mirror may lag behind; debootstrap does not mind either.
    run("apt-get", "-q", "-o", "Acquire::Check-Valid-Until=false", "update")
    run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "--no-install-recommends", "install",
        *packages.map { |package| "#{package}/#{suite}" })
  end

  # @param environment [Hash{String => String}] variables for the command
  # @return [String] what the command wrote
  # @raise [RuntimeError] with that, when the command failed
  def run(*command, environment: {})
    enter = %w[unshare --mount --pid --fork --kill-child sh -ec]
    run!([environment, *enter, ENTER, "sh", folder, *command], command)
  end

  # A mount that is not of a command's own namespace would lead out of the folder: such files stay.
  def remove
    system("rm", "-rf", "--one-file-system", folder)
  end

  private

  def debootstrap(*options)
    FileUtils.mkdir_p(CACHE)
    File.chmod(0o755, folder)
    options += ["--include=#{@packages.join(',')}"] if @packages.any?
    command = ["debootstrap", "--variant=minbase", "--cache-dir=#{CACHE}", *options, @suite, folder]
    run!(["unshare", "--mount", *command], command)
  end

  def run!(line, shown)
    output, status = Open3.capture2e(*line)
    raise "#{shown.join(' ')} failed:\n#{output.lines.last(40).join}" unless status.success?

    output
  end
end
