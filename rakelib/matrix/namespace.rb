# frozen_string_literal: true

require_relative "environment"

module Matrix
  # Makes command lines that run in their own mount and process namespace. When its first process ends, in any
  # way, the kernel undoes its mounts and ends its processes.
  module Namespace
    # The first process of the namespace. It needs a handler for TERM, because without one the kernel ignores
    # TERM.
    FIRST = <<~'SH'
      set -e
      trap 'exit 143' TERM INT HUP
      mount -t proc proc /proc
      "$@" & wait $!
    SH

    # Mounts the shared folders into a root, and runs a command in it. It does not use chroot, because in a
    # chroot the kernel denies user namespaces, which some specs create.
    ENTER = <<~'SH'
      set -e
      root=$1 shared=$2
      shift 2
      mount --bind "$root" "$root"
      mount -t proc proc "$root/proc"
      for folder in /sys /dev $shared; do
        mkdir -p "$root$folder"
        mount --rbind "$folder" "$root$folder"
      done
      cd "$root"
      pivot_root . .
      umount --lazy .
      exec "$@"
    SH

    module_function

    # @return [Array<String>] the command line that runs a command with this machine's files
    def outside(*command)
      ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "--",
       "bash", "-c", FIRST, "first", *command]
    end

    # @return [Array<String>] the command line that runs a command in a root
    def inside(root, folder, variables, *command)
      environment = variables.map { |name, value| "#{name}=#{value}" }
      outside("bash", "-c", ENTER, "enter", root, Environment.folders.join(" "),
              "env", "-i", "--chdir=#{folder}", *environment, *command)
    end
  end
end
