# frozen_string_literal: true

require_relative "../../spec/support/wait_until"

# Measures how long each worker takes to serve a new value. The workers are asked in turn, each on its
# own socket, over and over, one at a time: that leaves a core to etcd and to the workers' own watches.
# So a value is noticed one round too late at most, a few milliseconds.
class Stopwatch
  LIMIT = 60

  # `{ pid => values in the order in which the worker served them }`
  attr_reader :seen

  def initialize(unicorn, pids)
    @unicorn = unicorn
    @seen = pids.to_h { |pid| [pid, []] }
    @noticed = {}
  end

  # Runs the block once every worker has answered, and returns when each has served `value`, or when
  # the limit is over: who has not is seen in `seen`. Returns the block's own milliseconds.
  def measure(value)
    ask_all
    @start = Harness.now
    change = Thread.new do
      yield
      milliseconds_at(Harness.now)
    end
    ask_all until @seen.values.all? { |values| values.last == value } || Harness.now > @start + LIMIT
    change.value
  end

  def milliseconds(pid) = milliseconds_at(@noticed.fetch(pid))

  private

  def milliseconds_at(time) = ((time - @start) * 1000).round(1)

  def ask_all
    @seen.each do |pid, values|
      answer = @unicorn.ask(pid)["value"]
      next if values.last == answer

      @noticed[pid] = Harness.now
      values << answer
    end
  end
end
