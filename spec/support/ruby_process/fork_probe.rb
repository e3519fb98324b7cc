# frozen_string_literal: true

require "fiddle"

# Looks at the session's thread in the middle of every fork of this process: after the gem has asked it to
# park, before the process is copied. Load it before the gem, because the C library calls these handlers in
# the reverse order of their registration.
module ForkProbe
  # Seconds that the thread may take to park: it may have said that it will, or be waiting for the processor.
  # A thread that was not asked never waits for a futex.
  PATIENCE = 1

  @seen = []

  class << self
    # The kernel function in which the thread was at each fork; "0" if it ran.
    attr_reader :seen

    def look
      task = Dir.glob("/proc/self/task/*").find { |path| File.read("#{path}/comm").start_with?("etcd_disc") }
      @seen << come_to_rest("#{task}/wchan") if task
    end

    private

    # Does not sleep: another Ruby thread must not run in the middle of a fork.
    def come_to_rest(path)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + PATIENCE
      loop do
        function = File.read(path)
        late = Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
        return function if late || function.include?("futex")
      end
    end
  end

  HANDLER = Fiddle::Closure::BlockCaller.new(Fiddle::TYPE_VOID, []) { look }
  # The function behind pthread_atfork, which itself is not among the library's symbols.
  REGISTER = Fiddle::Function.new(Fiddle.dlopen(nil)["__register_atfork"], [Fiddle::TYPE_VOIDP] * 4,
                                  Fiddle::TYPE_INT)
  REGISTER.call(HANDLER, nil, nil, nil)
end
