# frozen_string_literal: true

module Bench
  # Measures short and long operations.
  module Stopwatch
    READS = 1_000_000
    ROUNDS = 7
    # YJIT compiles a method after 30 calls, and never during a call. A loop that is called seven times stays
    # interpreted, however long it runs.
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

    # The nanoseconds of one iteration of each loop, with the loop's own cost subtracted.
    #
    # It is the median of several rounds. The loops alternate, so that other work on the machine affects all
    # of them. `loops` are Ruby code that uses the names of `binding`.
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

    # The processor time of this thread, so that other processes do not count.
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
