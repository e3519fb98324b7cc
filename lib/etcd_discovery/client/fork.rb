# frozen_string_literal: true

module EtcdDiscovery
  # Makes the clients of a forked child watch again.
  #
  # The extension notices every fork by itself and resumes at the first read. This is for children that read
  # much later or never. Ruby calls `Process._fork` for `fork`, `Kernel#fork` and `IO.popen("-")`, but not for
  # `Process.daemon`.
  #
  # @api private
  module Fork
    # Seconds until a child connects that neither reads nor subscribes. A child that lives only for a moment
    # then costs etcd nothing (resque/resque#1871).
    DELAY = 1.0

    @clients = WeakList.new

    class << self
      def register(client)
        @clients << client
      end

      def clients
        @clients.to_a
      end

      # Makes all clients watch again at once. A child that cannot watch can still read, so a failure is only
      # reported in `status`.
      def resume
        clients.each(&:after_fork)
        revive
      rescue Error
        nil
      end

      # Makes each client of a child watch again when its settings say so.
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

    # Wraps Ruby's own ways to fork.
    module Hook
      def _fork
        pid = super
        Fork.notice if pid.zero?
        pid
      end

      # The daemon is the same program, so it connects at once.
      def daemon(*)
        super.tap { Fork.resume }
      end
    end

    Process.singleton_class.prepend(Hook)
  end
end
