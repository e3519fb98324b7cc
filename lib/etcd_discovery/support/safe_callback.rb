# frozen_string_literal: true

module EtcdDiscovery
  # Calls an application's block. Its errors are logged; the next call and the next subscriber still follow.
  #
  # @api private
  module SafeCallback
    class << self
      # A callable that wraps each call of a block; `nil` for none.
      attr_accessor :around

      def call(block, *arguments)
        around ? around.call(-> { block.call(*arguments) }) : block.call(*arguments)
      end
    end

    private

    # When the block fails, the including class says what failed (`block_name`), and at what (`occasion`).
    def tell(news)
      over = false
      SafeCallback.around ? SafeCallback.call(@block, news) : @block.call(news)
      over = true
    # `exit` ends the process on any thread. An Interrupt raised by a block does not.
    rescue SystemExit => e
      over = true
      report_end_of_process(news, e)
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException
      over = true
      report("#{block_name} failed at #{occasion(news)}", e)
    ensure
      report_end(news) unless over
    end

    # Nothing was raised, and still the call has not returned: the thread was killed or ended itself.
    def report_end(news)
      @client.event_log.write(:error, "#{block_name} ended its thread at #{occasion(news)} (Thread.exit or " \
                                      "Thread#kill); the thread is restarted, and the other blocks continue",
                              subject: :callback)
    end

    # Without this line no one would find out why the process ended.
    def report_end_of_process(news, error)
      @client.event_log.write(:error, "#{block_name} called exit at #{occasion(news)} " \
                                      "(status #{error.status}), which ends the process", subject: :exit)
    rescue StandardError
      nil
    end

    def report(what, error)
      @client.event_log.write(:error, "#{what}: #{error.class}: #{error.message}", subject: :callback)
    rescue StandardError
      nil # the error's own `message` failed
    end
  end
end
