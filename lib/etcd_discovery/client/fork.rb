# frozen_string_literal: true

module EtcdDiscovery
  # Has the clients of this process watch again in a forked child.
  #
  # The extension notices every fork by itself and resumes at the first read. This is for children that do not
  # read, or read much later. `Process._fork` is what Ruby calls for `fork`, `Kernel#fork` and
  # `IO.popen("-")`; `Process.daemon` goes past it.
  #
  # @api private
  module Fork
    # Seconds before a child connects that neither reads nor subscribes, so that one which only lives for a
    # moment costs etcd nothing (resque/resque#1871).
    DELAY = 1.0

    @clients = WeakList.new

    class << self
      def register(client)
        @clients << client
      end

      def clients
        @clients.to_a
      end

      # Has all clients watch again at once. A child that cannot watch can still read: whatever goes wrong
      # here is for `status` to tell.
      def resume
        clients.each(&:after_fork)
        revive
      rescue Error
        nil
      end

      # Has each client of a child watch again when its settings say so.
      def notice
        now, others = clients.partition(&:connects_at_once_in_children?)
        now.each(&:after_fork)
        revive if now.any?
        later = others.reject { |client| client.config.connect_in_children == "lazy" }
        resume_later(later) if later.any?
      rescue Error
        nil
      end

      private

      def revive
        Dispatcher.revive
        Source::Follower.revive
        Events::LogThread.revive
      end

      def resume_later(clients)
        Threads.start("etcd_discovery fork") do
          sleep DELAY
          clients.each(&:after_fork)
          revive
        rescue Error
          nil
        end
      end
    end

    # Around Ruby's own ways to fork.
    module Hook
      def _fork
        pid = super
        Fork.notice if pid.zero?
        pid
      end

      # What goes on is the same program, so that it connects at once.
      def daemon(*)
        super.tap { Fork.resume }
      end
    end

    Process.singleton_class.prepend(Hook)
  end
end
