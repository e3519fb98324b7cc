# frozen_string_literal: true

module Torture
  # The report of a run as text.
  class Report
    PROMISES = { 1 => "snapshots that etcd never held at their revision",
                 2 => "revisions that went back without a reset",
                 4 => "reads that raised, returned a wrong value, or took more than a second",
                 5 => "ages younger than the last confirmation",
                 9 => "processes that ended unexpectedly" }.freeze

    SIZES = { transaction: "changes in the largest transaction",
              deletion: "keys in the largest deletion by prefix",
              lease: "keys of the largest lease", value: "bytes of the largest value" }.freeze

    def initialize(world, nemesis)
      @checker = world.listener.checker
      @sizes = world.sizes
      @nemesis = nemesis
    end

    def sound? = @checker.findings.empty? && @nemesis.complaints.empty?

    def lines
      [*faults, "", *checks, *promises, "", *recoveries, *@nemesis.complaints, *@checker.findings.first(20)]
    end

    private

    def faults
      injected = @nemesis.injected
      refused = @nemesis.refused.values.sum
      ["#{injected.values.sum} faults injected (#{refused} more were not possible at the time):",
       *injected.sort.map { |name, count| format("  %-24<name>s %5<count>d", name:, count:) },
       "", *SIZES.map { |kind, text| line(text, @sizes[kind]) }]
    end

    def checks
      counts = @checker.counts
      [*history, line("processes, #{counts[:forked]} of them forked", counts[:processes]),
       line("snapshots checked, of #{counts[:published]} published", counts[:snapshots]),
       line("of them with the whole bulk, the others with the number of its keys", counts[:entire]),
       line("ages checked, #{counts[:stale]} stale, #{counts[:away]} without a watch", counts[:beats]),
       *roles(counts),
       line("reads; the longest took #{milliseconds(@checker.slowest)} ms", counts[:reads])]
    end

    # With a host copy: how often each role was seen.
    def roles(counts)
      %i[leader follower orphan seeking].filter_map do |role|
        line("of these ages those of a #{role}", counts[role]) if counts.key?(role)
      end
    end

    def history
      [line("revisions of etcd, in #{@checker.history.epochs.size} epochs", @checker.history.size)]
    end

    def promises
      PROMISES.map do |promise, text|
        line(text, @checker.findings.count { |finding| finding.promise == promise })
      end
    end

    def recoveries
      recovery = @nemesis.recovery
      [percentiles(recovery.times.sort), "the longest was after #{@nemesis.slowest.last.join(', ')}",
       "longest after the last healing: #{milliseconds(recovery.last.max)} ms",
       line("recoveries that took longer than #{Recovery::LIMIT} s", recovery.late),
       line("stuck processes", recovery.stuck),
       line("seconds not counted, because a member of etcd was slow to answer", recovery.waited.round)]
    end

    def percentiles(times)
      "recovery of a process after a healing (#{times.size} measured): " \
        "p50 #{milliseconds(at(times, 0.5))} ms, p99 #{milliseconds(at(times, 0.99))} ms, " \
        "longest #{milliseconds(times.last)} ms"
    end

    def line(text, count)
      format("%10<count>s %<text>s", text:, count: count.to_s.gsub(/\d(?=(\d{3})+$)/, "\\0,"))
    end

    def at(sorted, share) = sorted.empty? ? nil : sorted[((sorted.size - 1) * share).ceil]

    def milliseconds(seconds) = seconds ? (seconds * 1000).round : "-"
  end
end
