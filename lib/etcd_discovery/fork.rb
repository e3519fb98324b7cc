# frozen_string_literal: true

module EtcdDiscovery
  # Has every client of this process watch again in a forked child, at once.
  #
  # The extension notices every fork by itself and resumes at the first read; this only saves the child the
  # wait. `Process._fork` is what Ruby calls for `fork`, `Kernel#fork` and `IO.popen("-")`.
  #
  # @api private
  module Fork
    @clients = WeakList.new

    class << self
      def register(client)
        @clients << client
      end

      def clients
        @clients.to_a
      end

      # A child that cannot watch can still read: whatever goes wrong here is for `status` to tell.
      def resume
        @clients.to_a.each(&:after_fork)
        Dispatcher.revive
        Source::Follower.revive
        Observation::Observer.revive
      rescue Error
        nil
      end
    end

    # Around Ruby's own fork.
    module Hook
      def _fork
        pid = super
        Fork.resume if pid.zero?
        pid
      end
    end

    Process.singleton_class.prepend(Hook)
  end
end
