# frozen_string_literal: true

module Bench
  # Programs that measure how long after its put a Ruby process has a value.
  module TickReaders
    # Each value is the time of its put. Returns the microseconds since then.
    SINCE = <<~'RUBY'
      def since(put) = (Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond) - Integer(put)) / 1e3
    RUBY

    # A busy worker that reads all the time, with the lowest priority so that it takes no processor time from
    # others.
    READS = SINCE + <<~'RUBY'
      connect "/tick/"
      Process.setpriority(Process::PRIO_PROCESS, 0, 19)
      report "ready"
      latencies = []
      last = nil
      loop do
        value = EtcdDiscovery["/tick/a"]
        next if value.equal?(last)
        break if value == "end"

        last = value
        latencies << since(last)
      end
      report latencies
    RUBY

    # A thread that is woken by each change and then reads. A value that is replaced before it is read does
    # not count.
    TICKS = SINCE + <<~'RUBY'
      connect "/tick/"
      report "ready"
      latencies = []
      last = nil
      loop do
        value = EtcdDiscovery.wait_for("/tick/a", timeout: 60) { |now| now && now != last }
        break if value == "end"

        last = value
        latencies << since(last)
      end
      report latencies
    RUBY

    # A block that is called at each change.
    BLOCKS = SINCE + <<~'RUBY'
      connect "/tick/"
      latencies = []
      over = Queue.new
      EtcdDiscovery.on_change("/tick/a") do |change|
        change.value == "end" ? over << true : latencies << since(change.value)
      end
      report "ready"
      over.pop
      report latencies
    RUBY
  end
end
