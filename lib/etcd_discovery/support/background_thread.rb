# frozen_string_literal: true

module EtcdDiscovery
  # A Ruby thread that sleeps until its waker wakes it. It starts when it is first needed, and again in a
  # forked child.
  #
  # @api private
  class BackgroundThread
    # Minimum seconds between two runs, so that the thread never spins.
    SHORTEST_PAUSE = 0.01

    # What wakes it in this process. Does nothing, or is `nil`, before the thread has started.
    attr_reader :waker

    # @param name [String] of the thread
    # @param register [#call] receives each new waker and registers it
    # @param lost [#call] called in the thread when something ends it (`Thread.exit`, a kill). It must not
    #   start a thread: at the end of the process Ruby kills threads until there is none.
    # @yield after each wake-up
    # @yieldreturn [Numeric, nil] seconds after which to run again without a wake-up
    def initialize(name, register:, lost: -> {}, &look)
      @name = name
      @register = register
      @lost = lost
      @look = look
      @lock = Lock.new
    end

    # Starts the thread if this process has none.
    #
    # @raise [ResourceExhaustedError] when the system has no thread or descriptor left
    def revive
      return if running?

      Lock.soon { @lock.synchronize { start unless running? } }
    end

    def wake
      @waker&.wake
    end

    # Whether the caller runs on this thread.
    def current?
      Thread.current == @thread
    end

    private

    def start
      waker = Waker.new
      @register.call(waker)
      @waker = waker
      @thread = Threads.start(@name) { attend(waker) }
      waker.wake # so that changes around a fork are not missed
    end

    # A waker has a descriptor only in the process that made it.
    def running?
      @thread&.alive? && @waker.descriptor
    end

    def attend(waker)
      pause = nil
      while waker.wait(pause) # otherwise the callback has forked, and this is its child
        pause = @look.call&.clamp(SHORTEST_PAUSE, nil)
      end
      over = true
    ensure
      lose unless over
    end

    def lose
      @thread = nil # even while this thread is still alive
      @lost.call
    end
  end
end
