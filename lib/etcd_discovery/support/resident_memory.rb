# frozen_string_literal: true

module EtcdDiscovery
  # How much memory this process occupies.
  #
  # @api private
  module ResidentMemory
    # @return [Integer, nil] bytes; `nil` where the system does not tell
    def self.bytes
      kilobytes = File.read("/proc/self/status")[/^VmRSS:\s+(\d+) kB/, 1]
      kilobytes && (kilobytes.to_i * 1024)
    rescue SystemCallError
      nil
    end
  end
end
