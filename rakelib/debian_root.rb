# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"

# A Debian system in a temporary folder, made by debootstrap. It needs root.
#
# Each command runs in its own mount and process namespaces. Its mounts and the processes that it leaves
# behind end with it, even if this process is killed, so the folder can be removed without unmounting.
class DebianRoot
  # Arguments: the root and the command. The shell stays the first process of the namespace, because as the
  # first one the command would ignore signals and have to reap orphans.
  ENTER = <<~SH
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    chroot "$root" "$@"
  SH

  # The packages downloaded for one root, for use by the next.
  CACHE = File.expand_path("../tmp/debootstrap", __dir__)

  class << self
    # @yieldparam root [DebianRoot]
    # @return [Object] the block's value; the folder is removed however the block ends
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
  # @param packages [Array<String>] packages to add to the minimal system
  def initialize(suite, packages: [])
    @suite = suite
    @packages = packages
    @folder = Dir.mktmpdir("debian-#{suite}-")
  end

  # @return [void]
  def make = debootstrap

  # Installs packages of another release. Their dependencies come from it only if this release lacks them.
  def install_from(suite, *packages)
    sources = File.join(folder, "etc/apt/sources.list")
    File.write(sources, File.read(sources).lines.first.sub(" #{@suite} ", " #{suite} "), mode: "a")
    # A mirror may lag behind; debootstrap does not check this either.
    run("apt-get", "-q", "-o", "Acquire::Check-Valid-Until=false", "update")
    run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "--no-install-recommends", "install",
        *packages.map { |package| "#{package}/#{suite}" })
  end

  # @param environment [Hash{String => String}] variables for the command
  # @return [String] the command's output
  # @raise [RuntimeError] with the output, if the command failed
  def run(*command, environment: {})
    enter = %w[unshare --mount --pid --fork --kill-child sh -ec]
    run!([environment, *enter, ENTER, "sh", folder, *command], command)
  end

  # Removes the folder, but nothing that is mounted into it from outside.
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
