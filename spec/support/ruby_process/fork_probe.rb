# frozen_string_literal: true

require "fiddle"

# Looks at the session's thread in the middle of every fork of this process: after the gem has asked it to
# hold still, before the process is copied. To be loaded before the gem: the C library calls the handlers
# for that moment in the reverse order of their registration.
module ForkProbe
  # Seconds that a thread which was asked may take to come to rest: it has told that it will, or was not
  # given the processor yet. One that nobody asked never waits for a futex.
  PATIENCE = 1

  @seen = []

  class << self
    # In which function of the kernel the thread was, at each fork; "0" when it ran.
    attr_reader :seen

    def look
      task = Dir.glob("/proc/self/task/*").find { |path| File.read("#{path}/comm").start_with?("etcd_disc") }
      @seen << come_to_rest("#{task}/wchan") if task
    end

    private

    # Without a sleep: another Ruby thread must not run in the midst of a fork.
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
  # What pthread_atfork is made of; that itself is not among the library's symbols.
  REGISTER = Fiddle::Function.new(Fiddle.dlopen(nil)["__register_atfork"], [Fiddle::TYPE_VOIDP] * 4,
                                  Fiddle::TYPE_INT)
  REGISTER.call(HANDLER, nil, nil, nil)
end
