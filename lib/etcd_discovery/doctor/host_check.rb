# frozen_string_literal: true

require_relative "finding"

module EtcdDiscovery
  class Doctor
    # The limits that the system sets for this process.
    #
    # @api private
    class HostCheck < Check
      check_name :limits
      # Of descriptors: below the first a server that accepts connections runs out of them at once.
      NOFILE = { wrong: 256, doubtful: 1_024 }.freeze
      # Of processes and threads of one user.
      NPROC = { wrong: 32, doubtful: 256 }.freeze

      def findings
        [limit(:NOFILE, NOFILE, "open files", "ulimit -n"), limit(:NPROC, NPROC, "processes", "ulimit -u")]
      end

      # @return [Symbol] the level
      def self.verdict(limit, bounds)
        return :fine if limit == Process::RLIM_INFINITY

        %i[wrong doubtful].find { |level| limit < bounds.fetch(level) } || :fine
      end

      private

      def limit(name, bounds, what, command)
        soft, = Process.getrlimit(name)
        level = self.class.verdict(soft, bounds)
        shown = soft == Process::RLIM_INFINITY ? "unlimited" : soft
        unless level == :fine
          advice = "raise it: #{command} #{bounds[:doubtful] * 4}, or LimitNOFILE= in systemd"
        end
        finding(level, "#{what}: #{shown}", subject: name.to_s.downcase, advice:)
      rescue NotImplementedError, ArgumentError, Errno::EINVAL
        fine("not known on this system", subject: name.to_s.downcase)
      end
    end
  end
end
