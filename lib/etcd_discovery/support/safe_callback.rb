# frozen_string_literal: true

module EtcdDiscovery
  # Calling an application's block. What it raises is its own affair: it is logged, and the next call and the
  # next subscriber come.
  #
  # @api private
  module SafeCallback
    class << self
      # What runs around each call of a block, given the call; `nil` for nothing.
      attr_accessor :around

      def call(block, *arguments)
        around ? around.call(-> { block.call(*arguments) }) : block.call(*arguments)
      end
    end

    private

    # @param block_name [String] which block it is, to name it when it fails
    # @param occasion [String] what it is called for
    def tell(block_name, occasion, news)
      over = false
      SafeCallback.call(@block, news)
      over = true
    # `exit` ends the process on whichever thread it is called. An Interrupt that a block raises does not.
    rescue SystemExit => e
      over = true
      report_end_of_process(block_name, occasion, e)
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException
      over = true
      report("#{block_name} failed at #{occasion}", e)
    ensure
      report_end(block_name, occasion) unless over
    end

    # Nothing was raised, and still the call has not returned: the thread was killed, or ended itself.
    def report_end(block_name, occasion)
      @client.event_log.write(:error, "#{block_name} ended its thread at #{occasion} (Thread.exit or " \
                                      "Thread#kill); the thread is started again and the other blocks go on",
                              subject: :callback)
    end

    # Or no one finds out why the process ended.
    def report_end_of_process(block_name, occasion, error)
      @client.event_log.write(:error, "#{block_name} called exit at #{occasion} (status #{error.status}), " \
                                      "which ends the process", subject: :exit)
    rescue StandardError
      nil
    end

    def report(what, error)
      @client.event_log.write(:error, "#{what}: #{error.class}: #{error.message}", subject: :callback)
    rescue StandardError
      nil # an error whose own `message` fails
    end
  end
end
