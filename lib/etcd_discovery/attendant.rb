# frozen_string_literal: true

require "io/wait" # IO#wait_readable is not in the core before Ruby 3.2

module EtcdDiscovery
  # A Ruby thread that waits for a bell; begun when it is first needed, and anew in a forked child.
  #
  # @api private
  class Attendant
    # Seconds. However soon something is due, the thread never spins.
    SHORTEST_PAUSE = 0.01

    # What rings for it in this process; mute or `nil` before it has begun.
    attr_reader :bell

    # @param name [String] of the thread
    # @param hang [#call] is given each new bell, to hang it where it is to be rung
    # @yield after each ring
    # @yieldreturn [Numeric, nil] seconds after which to look again without a ring
    def initialize(name, hang:, &look)
      @name = name
      @hang = hang
      @look = look
      @lock = Mutex.new
    end

    # Starts the thread if this process has none.
    def revive
      return if running?

      @lock.synchronize { start unless running? }
    rescue ThreadError
      # In a signal handler, where no lock may be taken: a thread of its own may.
      Thread.new { revive }
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
      @thread = Thread.new { attend(bell) }
      @thread.name = @name
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
    end
  end
end
