# frozen_string_literal: true

# Real servers for the specs and the demo: to start, break, ask and end.
module Harness
  class WaitTimeout < StandardError; end

  # Waiting for a condition, never for a length of time. The limit is a fail-safe against a spec
  # that would hang; it is generous, since a slow machine is no reason for a test to fail.
  module WaitUntil
    LIMIT = 30
    EVERY = 0.01

    module_function

    # Returns the first truthy value of the block. `description` reads on from "waited for"; what
    # the block returned last is told too, since that is what one wants to know at a failure.
    def wait_until(description, timeout: LIMIT, every: EVERY)
      deadline = Harness.now + timeout
      loop do
        value = yield
        return value if value

        if Harness.now > deadline
          raise WaitTimeout, "waited #{timeout} s in vain for #{description}; last seen: #{value.inspect}"
        end

        sleep every
      end
    end
  end

  def self.now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
