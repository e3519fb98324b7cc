# frozen_string_literal: true

# The common part of the readers of a soak. Each follows etcd until it is asked for its resources.

require "io/wait"

KEYS = Array.new(1_000) { |n| "/s/#{n}" }.freeze

# Calls the block after each publication. When asked for a revision, waits for it, reports, and continues.
def follow
  connect "/s/", boot_timeout: 60
  report "connected"
  loop do
    until WORDS.wait_readable(0)
      await_next
      yield
    end
    EtcdDiscovery.wait_for_revision(Integer(hear), timeout: 300)
    report figures
  end
end

# Waits for the next revision through the status, because only one of the readers may take snapshots.
def await_next
  EtcdDiscovery.wait_for_revision(EtcdDiscovery.status.revision + 1, timeout: 0.1)
rescue EtcdDiscovery::TimeoutError
  nil
end

# The resources of this process after a garbage collection.
def figures
  2.times { GC.start }
  counts = ObjectSpace.count_objects
  { rss: File.read("/proc/self/status")[/^VmRSS:\s+(\d+)/, 1].to_i,
    threads: Dir.children("/proc/self/task").size,
    descriptors: Dir.children("/proc/self/fd").size,
    objects: counts[:TOTAL] - counts[:FREE] }
end
