# frozen_string_literal: true

module EtcdDiscovery
  class Rollout
    # A command of the shell as the check of a rollout: it passes if its exit status is 0.
    #
    # @api private
    class Check
      # Seconds between two looks whether the command is over.
      TURN = 0.05
      private_constant :TURN

      # @return [String, nil] why it did not pass
      attr_reader :problem

      # @param timeout [Numeric] seconds after which a command that is not over has failed
      def initialize(command, timeout: 60)
        @command = command
        @timeout = timeout
      end

      # @param progress [Progress] of the step
      # @return [Boolean]
      def call(progress)
        details = progress.to_h
        status = status_of({ "ROLLOUT_NAME" => details[:name], "ROLLOUT_STEP" => details[:step].to_s,
                             "ROLLOUT_HOSTS" => details[:hosts].join(" ") })
        return true if status&.success?

        @problem = status ? "the check failed (#{ended(status)})" : "the check was not over in #{@timeout} s"
        false
      end

      private

      # In a group of its own, so that it can be ended with all that it has started. What it prints goes to
      # standard error: standard output is ours.
      def status_of(environment)
        pid = Process.spawn(environment, "sh", "-c", @command, pgroup: true, out: :err)
        waiter = Process.detach(pid)
        waiter.join(@timeout) && waiter.value
      ensure
        end_group(pid) if waiter&.alive?
      end

      def end_group(pid)
        Process.kill(:KILL, -pid)
      rescue Errno::ESRCH
        nil
      end

      def ended(status) = status.signaled? ? "signal #{status.termsig}" : "exit status #{status.exitstatus}"
    end
  end
end
