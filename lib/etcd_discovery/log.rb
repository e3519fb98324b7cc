# frozen_string_literal: true

module EtcdDiscovery
  # The only way into the application's logger.
  #
  # Keys and etcd's own messages end up in lines, and whoever may write a key could otherwise forge a line.
  #
  # @api private
  module Log
    # A logger that fails must not take the caller with it.
    #
    # @param logger [#info, nil]
    # @param level [Symbol] `:info`, `:warn` or `:error`
    # @param line [String]
    def self.write(logger, level, line)
      logger&.public_send(level, Escape.line(line))
      nil
    rescue StandardError
      nil
    end
  end
end
