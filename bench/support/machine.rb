# frozen_string_literal: true

require "etc"
require "open3"

module Bench
  # Describes the machine that the figures were measured on.
  module Machine
    module_function

    def lines
      [
        "#{cpu}, #{Etc.nprocessors} cores, #{memory} GiB, #{kernel}",
        RUBY_DESCRIPTION,
        first_line("etcd", "--version"),
        first_line("rustc", "--version"),
        first_line("go", "version"),
        "load average #{File.read('/proc/loadavg').split.first(3).join(', ')} at the end"
      ].compact
    end

    def cpu = File.read("/proc/cpuinfo")[/^model name\s*:\s*(.*)$/, 1]

    # The kernel's name and version, without the suffix of a distribution or host.
    def kernel = "#{Etc.uname.fetch(:sysname)} #{Etc.uname.fetch(:release)[/\A\d+\.\d+/]}"

    def memory = File.read("/proc/meminfo")[/MemTotal:\s+(\d+)/, 1].to_i / (1 << 20)

    def first_line(*command)
      Open3.capture2e(*command).first.lines.first&.strip
    rescue Errno::ENOENT
      nil
    end
  end
end
