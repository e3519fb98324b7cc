# frozen_string_literal: true

module EtcdDiscovery
  # The clock for ages. It counts the time that the machine sleeps, as the native part's clock does.
  # On Linux {Client.now} does not, which is right for how long a caller is willing to wait.
  #
  # @api private
  module Clock
    # Linux counts suspension in CLOCK_BOOTTIME only, macOS in CLOCK_MONOTONIC.
    ID = Process.const_defined?(:CLOCK_BOOTTIME) ? Process::CLOCK_BOOTTIME : Process::CLOCK_MONOTONIC

    # @return [Float] seconds of a clock that only goes forward
    def self.now
      Process.clock_gettime(ID)
    end
  end
end
