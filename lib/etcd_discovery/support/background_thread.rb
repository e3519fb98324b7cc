# frozen_string_literal: true

require "io/wait" # IO#wait_readable is not in the core before Ruby 3.2

module EtcdDiscovery
  # A Ruby thread that waits for a bell; begun when it is first needed, and anew in a forked child.
  #
  # @api private
  class BackgroundThread
    # Seconds. However soon something is due, the thread never spins.
    SHORTEST_PAUSE = 0.01

    # What rings for it in this process; mute or `nil` before it has begun.
    attr_reader :bell

    # @param name [String] of the thread
    # @param hang [#call] is given each new bell, to hang it where it is to be rung
    # @param lost [#call] is called in the thread when something ends it (`Thread.exit`, a kill). It must
    #   start no thread: at the end of the process Ruby kills threads until there is none.
    # @yield after each ring
    # @yieldreturn [Numeric, nil] seconds after which to look again without a ring
    def initialize(name, hang:, lost: -> {}, &look)
      @name = name
      @hang = hang
      @lost = lost
      @look = look
      @lock = Lock.new
    end

    # Starts the thread if this process has none.
    #
    # @raise [ResourceExhaustedError] when the system gives no thread or no descriptor
    def revive
      return if running?

      Lock.soon { @lock.synchronize { start unless running? } }
    end

    def ring
      @bell&.ring
    end

    # Whether it is what calls this.
    def current?
      Thread.current == @thread
    end

    private

    def start
      bell = Bell.new
      @hang.call(bell)
      @bell = bell
      @thread = Threads.start(@name) { attend(bell) }
      bell.ring # what happened around a fork is looked at too
    end

    # A bell is mute in every process but its own.
    def running?
      @thread&.alive? && @bell.descriptor
    end

    def attend(bell)
      ear = IO.for_fd(bell.descriptor, autoclose: false)
      pause = nil
      while bell.descriptor # else what was called has forked, and this is its child
        ear.wait_readable(pause)
        bell.hush
        pause = @look.call&.clamp(SHORTEST_PAUSE, nil)
      end
      over = true
    ensure
      lose unless over
    end

    def lose
      @thread = nil # also while this is still alive
      @lost.call
    end
  end
end
