# frozen_string_literal: true

module EtcdDiscovery
  # A mutex that signal handlers may take too.
  #
  # Ruby refuses a Mutex in a handler ("can't be called from trap context"): the handler runs on top of the
  # main thread, and would wait forever for a lock that this thread holds. This class refuses only that case.
  #
  # @api private
  class Lock
    # Seconds that a handler waits for another thread to release the lock.
    PATIENCE = 2

    @due = Thread::Queue.new
    @turn = Thread::Mutex.new

    class << self
      # @return [Boolean] whether the caller is a signal handler
      def in_signal_handler?
        # Ruby runs handlers on the main thread only.
        Thread.current == Thread.main && Thread::Mutex.new.synchronize { false }
      rescue ThreadError
        true
      end

      # For calls whose result is not needed at once.
      #
      # If a handler cannot get a lock, the block is called again on another thread, which can wait. Several
      # such blocks run in order. The block must do nothing before it has the lock.
      #
      # @return [void]
      def soon(&block)
        yield
      rescue SignalHandlerError => e
        raise e unless in_signal_handler?

        later(e, &block)
      end

      private

      def later(refusal, &block)
        @due << block
        Thread.new { @turn.synchronize { @due.pop.call } }
      rescue ThreadError
        raise refusal
      end
    end

    def initialize
      @mutex = Thread::Mutex.new
    end

    # @raise [SignalHandlerError] in a handler that has interrupted the lock's holder
    def synchronize(&block)
      @mutex.synchronize(&block)
    rescue ThreadError
      # In a handler the mutex raises it before it calls the block. Elsewhere the block may raise it.
      raise unless Lock.in_signal_handler?

      synchronize_in_handler(&block)
    end

    private

    # Only `Mutex#lock` checks whether this is a handler.
    def synchronize_in_handler
      take_in_handler
      begin
        yield
      ensure
        @mutex.unlock
      end
    end

    # Does not use `sleep`: under a fiber scheduler that would leave the handler.
    def take_in_handler
      deadline = Client.now + PATIENCE
      until @mutex.try_lock
        raise SignalHandlerError if @mutex.owned? || Client.now > deadline

        Thread.pass
      end
    end
  end
end
