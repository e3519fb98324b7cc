# frozen_string_literal: true

# A child for each job, one after another, which leaves by `exit!`: what resque's worker does.

require_relative "application"

Application.boot

loop do
  job = fork do
    trap(:TERM) { exit!(0) }
    sleep
  end
  Process.wait(job)
end
