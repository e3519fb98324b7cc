# frozen_string_literal: true

module Bench
  # Writes docs/performance.md and its chart.
  class Report
    # Explanations of the figures.
    NOTES = <<~MARKDOWN
      ## What the misses are made of

      **An ordinary user with several prefixes.** etcd 3.4.23 may answer progress requests too early. So does
      any server that tells its version only to root, as far as the gem can know. There the gem reads what the
      other prefixes hold before it shows a change: one small request.

      **Propagation.** Most of the time is etcd's own: it answers the put when it is on disk. The rest, up
      to a Ruby *read*, is one message that the native thread handles, some 30 µs from the socket to the
      readers. A Ruby thread that *waits* has one wake-up more than a goroutine: the native thread writes
      to a pipe, the kernel wakes Ruby's thread, and that thread takes the GVL.

      **Memory.** 100,000 keys of 200 bytes are 20 MiB of bytes alone. That is 0.63 × of what the Go
      program keeps after it was forced to collect and to return its memory. Services don't do that, so
      the figure on the way is the one that a host must have. Each key costs 61 bytes besides its own: a
      counter, the revision, the lease and three lengths (40), 12 in the tree, and what malloc rounds up.
      Less would take an arena for each page of the listing, and a single living key would keep a whole
      page.

      **Absent keys**, when the String is no literal, take the long way through the ordered map and the
      watched ranges. The gem remembers nothing about them, or a program that makes up keys could fill the
      memory. Such a read allocates nothing.
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
        medians; those of reads are of the thread's own processor time, with the loop subtracted. Compare ratios, not figures: another machine has
        others, and so has this one when it is busy.

        #{Machine.lines.map { |line| "* #{line}" }.join("\n")}

        ![One read, in nanoseconds](reads.svg)

        #{@rows.map { |name, rows| "## #{name.capitalize}\n\n#{Table.new(rows)}" }.join("\n\n")}

        #{NOTES.chomp}

        #{YjitSection.text.chomp}
      MARKDOWN
    end
  end
end
