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

      **Propagation.** Most of the time is spent in etcd, which answers a put once it is on disk. The rest, until a Ruby
      *read* returns the value, is one message handled by the native thread, which takes some 30 µs from the socket to
      the readers. A Ruby thread that *waits* needs one wake-up more than a goroutine: the native thread writes to an
      eventfd, the kernel wakes Ruby's thread, and that thread takes the GVL.

      From the wake-up by the socket until a block of `on_change` runs, with caches that other processes have emptied since the
      last change (traced system calls, medians of 360 changes in turns, on 2026-11-27 with a load average of 14):

      | until                                         | Go     | this gem | before eventfd and one call |
      | --------------------------------------------- | ------ | -------- | --------------------------- |
      | the bytes are read                            | 44 µs  | 32 µs    | 49 µs                       |
      | the snapshot is published, and the wake begins | –      | 91 µs    | 127 µs                      |
      | Ruby's thread is awake                        | –      | 111 µs   | 169 µs                      |
      | the block runs                                | 138 µs | 213 µs   | 357 µs                      |

      So the rest of the difference is the second thread: 20 µs to wake it, 9 µs to take the GVL, and some 90 µs of Ruby and of
      native code from cold caches. To wake it before the message is decoded would gain little: the thread that wakes another
      processor is busy with that for 11 to 16 µs, about as long as the other takes to wake.

      **Memory.** 100,000 keys with values of 200 bytes are 20 MiB of bytes alone. That is 0.63 × of what the Go program
      keeps after a forced garbage collection that returns memory to the system. Services do not force that, so a host
      needs the peak memory. Each key costs 61 bytes besides its own bytes: a counter, the revision, the lease and three
      lengths (40), 12 in the tree, and malloc's rounding. Less would need an arena for each page of the listing, and a
      single living key would then keep a whole page in memory.

      **Many processes that start at once.** A process that was not forked from a master with the keys lists them itself.
      `bench/run boots` starts 1, 4 and 16 of them at the same moment, with 100,000 keys. The time until the last one is ready
      grows with their number: on a machine with a load of 15, 1.4 s for one, 4.6 s for 4, 8.0 s for 8. If etcd gets so little
      of the processor that a page takes longer than `request_timeout`, the listings are given up and start over, and 16
      processes need minutes. Load the application before forking, or set `cache_path`: a process that has a copy on disk lists
      nothing, and 8 were ready after 0.65 s in the same run.

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
