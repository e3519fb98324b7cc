# frozen_string_literal: true

# Writes reports as lines short enough that a pipe accepts each atomically, although several processes write
# to it. The reader ends once the pipe has no reading end.
class Reporter
  LONGEST = 2_000

  def initialize(pipe)
    @pipe = pipe
  end

  def report(kind, time, *words)
    line = [kind, Process.pid, time, *words].join(" ").tr("\n", " ")
    @pipe.syswrite("#{line.byteslice(0, LONGEST).scrub}\n")
  rescue Errno::EPIPE
    exit!(1)
  end
end
