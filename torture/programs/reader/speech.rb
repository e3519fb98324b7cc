# frozen_string_literal: true

# What a reader tells: lines short enough that a pipe takes each whole, whoever else writes to it. When nobody
# listens any more, the reader ends.
class Speech
  LONGEST = 2_000

  def initialize(pipe)
    @pipe = pipe
  end

  def tell(kind, time, *words)
    line = [kind, Process.pid, time, *words].join(" ").tr("\n", " ")
    @pipe.syswrite("#{line.byteslice(0, LONGEST).scrub}\n")
  rescue Errno::EPIPE
    exit!(1)
  end
end
