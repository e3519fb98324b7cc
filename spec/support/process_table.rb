# frozen_string_literal: true

require "etc"

module Harness
  # What /proc shows about processes and their sockets.
  module ProcessTable
    TCP_TABLES = %w[/proc/net/tcp /proc/net/tcp6].freeze
    # `started` is in ticks since the machine booted.
    Entry = Struct.new(:pid, :parent, :group, :state, :started)

    module_function

    # Skips processes that end meanwhile, and zombies.
    def entries
      Dir.glob("/proc/[0-9]*/stat").filter_map { |file| parse(file) }.reject { |entry| entry.state == "Z" }
    end

    def in_group(group) = entries.select { |entry| entry.group == group }

    def alive?(pid) = entries.any? { |entry| entry.pid == pid }

    def title(pid)
      File.binread("/proc/#{pid}/cmdline").tr("\0", " ")
    rescue SystemCallError
      ""
    end

    # The names of the process's threads in the kernel, which are no longer than 15 bytes.
    def threads(pid)
      Dir.glob("/proc/#{pid}/task/*/comm").map { |file| File.read(file).chomp }
    rescue SystemCallError
      []
    end

    # A line for each thread: its name, its state (R: it runs or waits for a processor, S: it sleeps), the
    # processor time that it has used, and where in the kernel it sleeps.
    def thread_states(pid)
      Dir.glob("/proc/#{pid}/task/*").map do |task|
        state, *fields = File.read("#{task}/stat").rpartition(") ").last.split
        used = fields[10, 2].sum(&:to_f) / Etc.sysconf(Etc::SC_CLK_TCK)
        "#{File.read("#{task}/comm").chomp}: #{state}, #{used} s, #{File.read("#{task}/wchan")}"
      end
    rescue SystemCallError
      []
    end

    # The targets of the process's descriptors: paths of files, "socket:[inode]" and the like.
    def descriptors(pid)
      Dir.glob("/proc/#{pid}/fd/*").map { |file| readlink(file) }
    end

    # The inodes of all sockets that the process has open, of any kind.
    def socket_inodes(pid)
      descriptors(pid).filter_map { |name| name[/\Asocket:\[(\d+)\]\z/, 1] }
    end

    # The inodes of the process's TCP sockets whose other end is one of these ports.
    def connections(pid, *ports)
      open = socket_inodes(pid)
      TCP_TABLES.flat_map { |table| File.readlines(table).drop(1).map(&:split) }
                .select { |row| ports.include?(row[2].split(":").last.hex) && open.include?(row[9]) }
                .map { |row| row[9] }.uniq # a table that changes during the read may repeat a row
    end

    # The name of a process is in brackets and may itself contain any character.
    def parse(file)
      text = File.read(file)
      fields = text[(text.rindex(")") + 2)..].split
      state, parent, group = fields
      Entry.new(text.to_i, parent.to_i, group.to_i, state, fields[19].to_i)
    rescue SystemCallError
      nil
    end

    def readlink(file)
      File.readlink(file)
    rescue SystemCallError
      ""
    end

    private_class_method :parse, :readlink
  end
end
