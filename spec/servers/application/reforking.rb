# frozen_string_literal: true

# Reforking as in pitchfork, without pitchfork: the workers are forked from a mold. On USR2 a worker becomes
# the next mold, from which the next workers are forked.

require_relative "application"

Application.boot

# A worker until it is promoted; from then on a mold, which keeps its workers alive.
def work
  promotion = Queue.new
  trap(:USR2) { promotion << true }
  promotion.pop
  keep_workers
end

def keep_workers
  Integer(ENV.fetch("WORKERS")).times { fork { work } }
  loop do
    Process.wait
    fork { work }
  end
end

keep_workers
