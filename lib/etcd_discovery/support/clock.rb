# frozen_string_literal: true

module EtcdDiscovery
  # The clock for ages. Like the native part's clock, it counts the time that the machine sleeps.
  #
  # On Linux {Client.now} does not, which is right for how long a caller is willing to wait.
  #
  # @api private
  module Clock
    # Linux counts suspension in CLOCK_BOOTTIME only, macOS in CLOCK_MONOTONIC.
    ID = Process.const_defined?(:CLOCK_BOOTTIME) ? Process::CLOCK_BOOTTIME : Process::CLOCK_MONOTONIC

    # @return [Float] seconds of a monotonic clock
    def self.now
      Process.clock_gettime(ID)
    end
  end
end
