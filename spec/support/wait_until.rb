# frozen_string_literal: true

# Real servers for the specs and the demo: to start, break, ask and end.
module Harness
  class WaitTimeout < StandardError; end

  # Waits for a condition, never for a length of time. The limit only ends a spec that would hang. It is
  # generous, because a slow machine is no reason for a test to fail.
  module WaitUntil
    LIMIT = 30
    EVERY = 0.01

    module_function

    # Returns the first truthy value of the block. `description` continues the sentence "waited for". The
    # error includes the block's last result, which is the first question after a failure.
    def wait_until(description, timeout: LIMIT, every: EVERY)
      deadline = Harness.now + timeout
      loop do
        value = yield
        return value if value

        if Harness.now > deadline
          raise WaitTimeout, "waited #{timeout} s for #{description}; last seen: #{value.inspect}"
        end

        sleep every
      end
    end
  end

  def self.now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
