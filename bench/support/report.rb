# frozen_string_literal: true

module Bench
  # Writes docs/performance.md and its chart.
  class Report
    # Explanations of the figures.
    NOTES = <<~MARKDOWN
      ## Why some targets are missed

      **An ordinary user with several prefixes.** etcd 3.4.23 may answer progress requests too early. The gem cannot
      rule this out for a server that reveals its version only to root either. With such servers the gem reads the other
      prefixes before it shows a change, which costs one small request.

      **Propagation.** Most of the time is spent in etcd, which answers a put once it is on disk. The rest, until a Ruby
      *read* returns the value, is one message handled by the native thread, which takes some 30 µs from the socket to
      the readers. A Ruby thread that *waits* needs one wake-up more than a goroutine: the native thread writes to a
      pipe, the kernel wakes Ruby's thread, and that thread takes the GVL.

      **Memory.** 100,000 keys with values of 200 bytes are 20 MiB of bytes alone. That is 0.63 × of what the Go program
      keeps after a forced garbage collection that returns memory to the system. Services do not force that, so a host
      needs the peak memory. Each key costs 61 bytes besides its own bytes: a counter, the revision, the lease and three
      lengths (40), 12 in the tree, and malloc's rounding. Less would need an arena for each page of the listing, and a
      single living key would then keep a whole page in memory.

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
