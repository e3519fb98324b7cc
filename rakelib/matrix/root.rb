# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"
require_relative "command"
require_relative "compiled"
require_relative "environment"
require_relative "namespace"
require_relative "row"

module Matrix
  # A fresh Debian system in a temporary folder, with a copy of this tree.
  class Root
    TREE = "/etcd_discovery"
    HERE = File.expand_path("../..", __dir__)
    # A mirror may be a snapshot, whose package lists count as expired.
    APT_SETTINGS = %(Acquire::Check-Valid-Until "false";\nAcquire::Retries "3";\n)

    attr_reader :folder

    # @param log [IO] gets the output of the commands that make the root
    # @yield [Root]
    def self.open(suite, log)
      folder = Dir.mktmpdir("etcd_discovery-#{suite}-")
      File.chmod(0o755, folder) # it becomes /, which other users than root must be able to read
      yield new(folder, suite, log).make
    ensure
      remove(folder) if folder
    end

    # Removes the folder. Its processes and mounts are gone by now. Signals are ignored meanwhile: it takes
    # half a minute on a busy disk, and a second Ctrl-C must not leave half of it.
    def self.remove(folder)
      kept = %w[INT TERM HUP].to_h { |signal| [signal, Signal.trap(signal, "IGNORE")] }
      system("rm", "--recursive", "--force", "--one-file-system", folder)
    ensure
      kept&.each { |signal, handler| Signal.trap(signal, handler || "DEFAULT") }
    end

    def initialize(folder, suite, log)
      @folder = folder
      @suite = suite
      @log = log
    end

    def make
      words = ["--variant=minbase", "--include=ca-certificates", @suite, folder, mirror]
      run(*Namespace.outside("debootstrap", *words)) or
        raise Unavailable, "debootstrap cannot make #{@suite} from the mirror that apt uses here"
      File.write(File.join(folder, "etc/apt/apt.conf.d/90matrix"), APT_SETTINGS)
      File.write(File.join(folder, "etc/hosts"), "127.0.0.1 localhost\n") # as the installer writes it
      copy_tree
      self
    end

    # @return [Array<String>] the command line that runs a command in the copy of the tree
    def command(*command, **variables)
      Namespace.inside(folder, TREE, Environment.variables.merge(variables.transform_keys(&:to_s)), *command)
    end

    # @return [Boolean] whether the command succeeded
    def run(*command) = Command.run(*command, log: @log)

    # @return [String] the command's output
    def capture(*command, **variables)
      Open3.capture2(*command(*command, **variables), err: @log).first
    end

    # Copies the compiled dependencies into the root, if they run there.
    def share_compiled
      return unless Compiled.runs_with?(capture("getconf", "GNU_LIBC_VERSION"))

      Compiled.share(File.join(HERE, "target"), File.join(folder, TREE, "target"))
    end

    # Copies a program to a folder that comes before the root's own programs in PATH.
    #
    # @return [String] its path in the root
    def add_program(path)
      inside = File.join("/usr/local/bin", File.basename(path))
      FileUtils.install(path, File.join(folder, inside), mode: 0o755)
      inside
    end

    def add_source(line)
      File.write(File.join(folder, "etc/apt/sources.list"), "#{line.sub('MIRROR', mirror)}\n", mode: "a")
    end

    private

    # The mirror that apt uses on this machine.
    def mirror
      @mirror ||= begin
        fields = "$(ORIGIN) $(CODENAME) $(REPO_URI)"
        sources, = Open3.capture2("apt-get", "indextargets", "--format", fields, "Created-By: Packages")
        main = sources.lines.map(&:split).find { |origin, name, _| origin == "Debian" && !name.include?("-") }
        main&.last or raise Unavailable, "apt has no Debian mirror on this machine"
      end
    end

    # Copies the files that Git tracks, with uncommitted changes.
    def copy_tree
      tracked, = Open3.capture2("git", "-C", HERE, "ls-files", "-z")
      tracked.split("\0").each do |path|
        source = File.join(HERE, path)
        copy(source, File.join(folder, TREE, path)) if File.file?(source)
      end
    end

    def copy(from, to)
      FileUtils.mkdir_p(File.dirname(to))
      FileUtils.cp(from, to, preserve: true)
    end
  end
end
