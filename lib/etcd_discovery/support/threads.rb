# frozen_string_literal: true

module EtcdDiscovery
  # Starts the Ruby threads of this library.
  #
  # @api private
  module Threads
    # @param name [String] of the thread
    # @return [Thread]
    # @raise [ResourceExhaustedError] when no thread can be started
    def self.start(name, &block)
      Thread.new(&block).tap do |thread|
        thread.name = name
        # Read by puma, which warns about threads in a process that will fork. The child starts its own.
        thread.thread_variable_set(:fork_safe, true)
      end
    rescue ThreadError => e
      raise ResourceExhaustedError, "no thread can be started for #{name} (#{e.message}): this process, " \
                                    "its user or its container is at a limit (ulimit -u, pids.max)"
    end
  end
end
