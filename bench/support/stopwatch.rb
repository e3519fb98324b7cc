# frozen_string_literal: true

module Bench
  # Time of small and of large things.
  module Stopwatch
    READS = 1_000_000
    ROUNDS = 7
    # YJIT compiles what was called 30 times, and never in the middle of a call: a loop that is called seven
    # times stays interpreted, however long it runs.
    WARM_UP = 100

    module_function

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

    # Seconds that the block takes.
    def seconds
      started = now
      yield
      now - started
    end

    def median(values) = percentile(values, 50)

    def percentile(values, percent) = values.sort[((values.size - 1) * percent / 100.0).round]

    # Nanoseconds of one turn of each loop, without the loop: the median of some rounds, in which the loops
    # take turns, so that what else the machine does falls on all of them. `loops` are pieces of Ruby; the
    # names in them are those of `binding`.
    def nanoseconds(loops, binding, reads: READS)
      compiled = { nil => "" }.merge(loops).transform_values { |body| compile(body, binding) }
      compiled.each_value { |code| WARM_UP.times { code.call(WARM_UP) } }
      rounds = Array.new(ROUNDS) do
        compiled.transform_values { |code| processor_seconds { code.call(reads) } }
      end
      loops.to_h do |name, _|
        [name, median(rounds.map { |round| (round[name] - round[nil]) / reads * 1e9 })]
      end
    end

    # Of the thread alone: what other processes take of the machine is not part of a read.
    def processor_seconds
      started = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)
      yield
      Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) - started
    end

    def compile(body, binding)
      binding.eval("# frozen_string_literal: true\n" \
                   "->(turns) { turn = 0; while turn < turns; #{body}; turn += 1; end }")
    end
  end
end
