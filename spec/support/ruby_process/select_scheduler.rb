# frozen_string_literal: true

# A fiber scheduler with only what the specs need: fibers that wait for descriptors and for time, by
# IO.select.
class SelectScheduler
  def initialize
    @readers = {}
    @sleepers = {}
    @ready = Queue.new
  end

  def fiber(&block) = Fiber.new(blocking: false, &block).tap(&:resume)

  def io_wait(io, events, timeout)
    @readers[Fiber.current] = io
    @sleepers[Fiber.current] = now + timeout if timeout
    Fiber.yield && events
  end

  def kernel_sleep(duration)
    @sleepers[Fiber.current] = now + duration
    Fiber.yield
  end

  def block(_blocker, timeout = nil) = timeout ? kernel_sleep(timeout) : Fiber.yield
  def unblock(_blocker, fiber) = @ready << fiber

  def close = run

  def run = (turn until [@readers, @sleepers, @ready].all?(&:empty?))

  private

  def turn
    wake(@ready.pop, true) until @ready.empty?
    readable, = IO.select(@readers.values, nil, nil, pause)
    @readers.select { |_, io| readable&.include?(io) }.each_key { |fiber| wake(fiber, true) }
    @sleepers.select { |_, at| at <= now }.each_key { |fiber| wake(fiber, false) }
  end

  def pause = [0, (@sleepers.values.min || (now + 0.1)) - now].max

  def wake(fiber, outcome)
    @readers.delete(fiber)
    @sleepers.delete(fiber)
    fiber.resume(outcome) if fiber.alive?
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
