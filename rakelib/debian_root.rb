# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"

# A Debian of its own in a temporary folder, made by debootstrap; needs root.
#
# Each command runs in mount and process namespaces of its own. Its mounts, and the processes that it leaves
# behind, end with it, even when this process is killed: the folder can be removed without unmounting.
class DebianRoot
  # Arguments: the root, pairs of a folder outside and its place inside, "--", the command. The shell stays
  # as the first process of its namespace: there, a command would ignore signals and have orphans to reap.
  ENTER = <<~SH
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    while [ "$1" != -- ]; do
      mkdir -p "$root$2"
      mount --rbind "$1" "$root$2"
      shift 2
    done
    shift
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
  # @param binds [Hash{String => String}] folders of this machine, with their places in the root
  def initialize(suite, packages: [], binds: {})
    @suite = suite
    @packages = packages
    @binds = binds
    @folder = Dir.mktmpdir("debian-#{suite}-")
  end

  def make
    FileUtils.mkdir_p(CACHE)
    File.chmod(0o755, folder)
    names = @packages.empty? ? [] : ["--include=#{@packages.join(',')}"]
    debootstrap = ["debootstrap", "--variant=minbase", "--cache-dir=#{CACHE}", *names, @suite, folder]
    run!(["unshare", "--mount", *debootstrap], debootstrap)
  end

  # Installs packages of another release; what they need comes from it only when this one lacks it.
  def install_from(suite, *packages)
    sources = File.join(folder, "etc/apt/sources.list")
    File.write(sources, File.read(sources).lines.first.sub(" #{@suite} ", " #{suite} "), mode: "a")
    # A mirror may lag behind; debootstrap does not mind either.
    run("apt-get", "-q", "-o", "Acquire::Check-Valid-Until=false", "update")
    run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "--no-install-recommends", "install",
        *packages.map { |package| "#{package}/#{suite}" })
  end

  # @return [Array<String>] the command line that runs `command` in the root, for `system` or `Open3`
  def command(*command)
    ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", ENTER, "sh", folder,
     *@binds.to_a.flatten, "--", *command]
  end

  # @return [String] what the command wrote
  # @raise [RuntimeError] with that, when the command failed
  def run(*command) = run!(self.command(*command), command)

  # A mount that is not of a command's own namespace would lead out of the folder: such files stay.
  def remove
    system("rm", "-rf", "--one-file-system", folder)
  end

  private

  def run!(line, shown)
    output, status = Open3.capture2e(*line)
    raise "#{shown.join(' ')} failed:\n#{output.lines.last(40).join}" unless status.success?

    output
  end
end
