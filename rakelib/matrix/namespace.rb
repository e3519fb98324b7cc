# frozen_string_literal: true

require_relative "environment"

module Matrix
  # Makes command lines that run in a mount and process namespace of their own. When its first process ends,
  # in whatever way, the kernel undoes all its mounts and ends all its processes.
  module Namespace
    # The first process of the namespace. It needs a handler for TERM: without one the kernel drops it.
    FIRST = <<~'SH'
      set -e
      trap 'exit 143' TERM INT HUP
      mount -t proc proc /proc
      "$@" & wait $!
    SH

    # Mounts into a root what it shares with this machine, and runs a command in there. Not by chroot: in one
    # the kernel denies a user namespace, which some specs make.
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
