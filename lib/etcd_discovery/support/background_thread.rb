# frozen_string_literal: true

require "io/wait" # IO#wait_readable is not in the core before Ruby 3.2

module EtcdDiscovery
  # A Ruby thread that waits for a bell. It starts when it is first needed, and again in a forked child.
  #
  # @api private
  class BackgroundThread
    # Minimum seconds between two runs, so that the thread never spins.
    SHORTEST_PAUSE = 0.01

    # The bell that wakes it in this process; mute or `nil` before the thread has started.
    attr_reader :bell

    # @param name [String] of the thread
    # @param hang [#call] receives each new bell and registers it
    # @param lost [#call] called in the thread when something ends it (`Thread.exit`, a kill). It must not
    #   start a thread: at the end of the process Ruby kills threads until there is none.
    # @yield after each wake-up
    # @yieldreturn [Numeric, nil] seconds after which to run again without a wake-up
    def initialize(name, hang:, lost: -> {}, &look)
      @name = name
      @hang = hang
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

    def ring
      @bell&.ring
    end

    # Whether the caller runs on this thread.
    def current?
      Thread.current == @thread
    end

    private

    def start
      bell = Bell.new
      @hang.call(bell)
      @bell = bell
      @thread = Threads.start(@name) { attend(bell) }
      bell.ring # so that changes around a fork are not missed
    end

    # A bell is mute in every process but its own.
    def running?
      @thread&.alive? && @bell.descriptor
    end

    def attend(bell)
      ear = IO.for_fd(bell.descriptor, autoclose: false)
      pause = nil
      while bell.descriptor # otherwise the callback has forked, and this is its child
        ear.wait_readable(pause)
        bell.hush
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
