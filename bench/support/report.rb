# frozen_string_literal: true

module Bench
  # Writes docs/performance.md and its chart.
  class Report
    # Explanations of the figures.
    NOTES = <<~MARKDOWN
      ## Why some targets are missed

      **An ordinary user with several prefixes.** Each prefix has its own watch, and a change is shown once the gem knows
      that all of them are as far. etcd before 3.4.25, and 3.5 before 3.5.8, may answer progress requests too early
      ([etcd#15220](https://github.com/etcd-io/etcd/issues/15220)). With such servers the gem sends 16 requests at once and
      believes the answers if no event is among them. That costs one round trip, and no read of the keys. For one second
      after it opens the watches, or after more than 100 messages at once, the gem compares the prefixes with etcd before
      it shows a change. [compatibility.md](compatibility.md) has the figures of many such set-ups.

      **Propagation.** Most of the time is spent in etcd, which answers a put once it is on disk. The rest is one message,
      handled by the native thread, and for a Ruby thread that waits one wake-up more than a goroutine needs: the native thread
      writes to an eventfd, the kernel wakes Ruby's thread, and that thread takes the GVL.

      It is not a question of instructions. Counted by single steps through both programs on 2026-11-28, from the wake-up by
      the socket to the block of `on_change`, or to the receive from the channel in Go (medians):

      |                                | native thread | Ruby's thread | together | Go, all threads |
      | ------------------------------ | ------------- | ------------- | -------- | --------------- |
      | instructions                   | 14,060        | 17,040        | 31,100   | 36,600          |
      | lines of code of 64 bytes      | 1,004         | 804           | 1,808    | 1,124           |
      | pages of code of 4 KiB         | 117           | 131           | 248      | 125             |
      | lines of data                  | 458           | 563           | 1,021    | 642             |
      | pages of data                  | 80            | 185           | 265      | 160             |

      Between two changes other processes empty the caches, so each line and each page is a miss. Two runtimes, one of them Ruby,
      touch more of them than one: 12,100 of the 17,040 instructions of Ruby's thread, and 476 of its 804 lines, are Ruby itself.
      To wake it before the message is decoded would gain little: the thread that wakes another processor is busy with that for 11
      to 16 µs, about as long as the other takes to wake.

      **Memory.** 100,000 keys with values of 200 bytes are 20 MiB of bytes alone. That is 0.63 × of what the Go program
      keeps after a forced garbage collection that returns memory to the system. Services do not force that, so a host
      needs the peak memory. Each key costs 61 bytes besides its own bytes: a counter, the revision, the lease and three
      lengths (40), 12 in the tree, and malloc's rounding. Less would need an arena for each page of the listing, and a
      single living key would then keep a whole page in memory.

      **Many processes that start at once.** A process that was not forked from a master with the keys lists them itself.
      `bench/run boots` starts 1, 4 and 16 of them at the same moment, with 100,000 keys. The time until the last one is ready
      is what etcd needs for all their listings, about 0.21 s of its processor time for each. On a machine with two processors
      and a load of 12 it was 0.35 s for one, 0.81 s for 4, 2.9 s for 16. An etcd that is short of processor time makes them
      late, not more: 16 were ready after 14 s if etcd got a quarter of one processor, and after 51 s if it got a tenth, when
      pages took longer than `request_timeout`. Such a page is requested again, and those before it are kept. Load the
      application before forking, or set `cache_path`: a process that has a copy on disk lists nothing, and 16 were ready after
      1.0 s in the same run.

      **Flags.** A check is of a feature with five actors and a percentage. The database is on the same machine, and its figure is
      of the clock on the wall, with one load of the feature for 10 checks; the others are of the processor. Debian's Flipper 0.25
      has no adapter for Redis. With Flipper 1.4.2, in a run of its own on 2026-11-27, a check with Redis took 8.7 × that of
      `EtcdDiscovery::Flipper`.

      **Absent keys**, when the String is not a literal, need a lookup in the ordered map and in the watched ranges. The
      gem caches nothing about them, because a program that makes up keys could otherwise fill the memory. Such a read
      allocates nothing.
    MARKDOWN

    FOLDER = File.expand_path("../../docs", __dir__)

    def initialize(rows)
      @rows = rows
    end

    def write
      File.write(File.join(FOLDER, "reads.svg"), Chart.new(@rows.fetch("reads")).to_s)
      File.write(File.join(FOLDER, "performance.md"), text)
    end

    private

    def text
      <<~MARKDOWN
        # Performance

        Written by `bench/run` (`rake bench`) on #{Time.now.utc.strftime('%Y-%m-%d')}, all in one run. Times are
        medians. Those of reads are the thread's own processor time, with the loop subtracted. Compare ratios, not
        absolute figures, which differ between machines and with the load.

        #{Machine.lines.map { |line| "* #{line}" }.join("\n")}

        ![One read, in nanoseconds](reads.svg)

        #{@rows.map { |name, rows| "## #{name.capitalize}\n\n#{Table.new(rows)}" }.join("\n\n")}

        #{NOTES.chomp}

        #{YjitSection.text.chomp}
      MARKDOWN
    end
  end
end
