# frozen_string_literal: true

module EtcdDiscovery
  # The only way into the application's logger.
  #
  # Keys and etcd's own messages end up in lines, and whoever may write a key could otherwise forge a line.
  #
  # @api private
  module Log
    # Seconds.
    LONGEST_WAIT = 0.1
    private_constant :LONGEST_WAIT

    # A logger that fails must not take the caller with it.
    #
    # @param logger [#info, nil]
    # @param level [Symbol] `:info`, `:warn` or `:error`
    # @param line [String]
    def self.write(logger, level, line)
      return unless logger
      return write_elsewhere(logger, level, line) if Lock.in_signal_handler?

      logger.public_send(level, Escape.line(line))
      nil
    rescue StandardError
      nil
    end

    # Ruby's Logger takes a lock, and in a signal handler gives the line up. What the handler has interrupted
    # may hold that lock: so the wait is short, and the line comes later.
    def self.write_elsewhere(logger, level, line)
      Thread.new { write(logger, level, line) }.join(LONGEST_WAIT)
      nil
    end
    private_class_method :write_elsewhere
  end
end
