# frozen_string_literal: true

# What the readers of a soak have in common. Each follows until it is asked, then tells what it holds.

require "io/wait"

KEYS = Array.new(1_000) { |n| "/s/#{n}" }.freeze

# Calls the block after each publication that it can see, until a revision is asked for; and again.
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

# Not by a snapshot's revision: only the reader that is about snapshots takes any.
def await_next
  EtcdDiscovery.wait_for_revision(EtcdDiscovery.status.revision + 1, timeout: 0.1)
rescue EtcdDiscovery::TimeoutError
  nil
end

# After a collection, so that what is left is held by somebody.
def figures
  2.times { GC.start }
  counts = ObjectSpace.count_objects
  { rss: File.read("/proc/self/status")[/^VmRSS:\s+(\d+)/, 1].to_i,
    threads: Dir.children("/proc/self/task").size,
    descriptors: Dir.children("/proc/self/fd").size,
    objects: counts[:TOTAL] - counts[:FREE] }
end
