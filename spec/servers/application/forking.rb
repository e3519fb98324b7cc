# frozen_string_literal: true

# One child for each job, which leaves with `exit!`, like resque's worker.

require_relative "application"

Application.boot

loop do
  job = fork do
    trap(:TERM) { exit!(0) }
    sleep
  end
  Process.wait(job)
end
