# frozen_string_literal: true

require_relative "finding"

module EtcdDiscovery
  class Doctor
    # The hooks for forked workers in the configuration of unicorn and puma. Without them a worker connects at
    # its first read, or a second after the fork.
    #
    # @api private
    class HooksCheck < Check
      check_name :fork_hooks
      # Each file, what shows that its server forks, and what belongs into it.
      FILES = {
        "config/unicorn.rb" => [//, /EtcdDiscovery\.after_fork/,
                                "after_fork { |_server, _worker| EtcdDiscovery.after_fork }"],
        "config/puma.rb" => [/^\s*workers\b/, /plugin\s*\(?\s*:etcd_discovery|EtcdDiscovery\.after_fork/,
                             "plugin :etcd_discovery"]
      }.freeze

      def findings
        FILES.filter_map do |file, (forks, hook, line)|
          path = File.join(context.folder, file)
          next unless File.readable?(path)

          code = File.read(path, encoding: "UTF-8").scrub.gsub(/^\s*#.*$/, "")
          self.class.verdict(code.match?(forks), code.match?(hook), file, line)
        end
      end

      # @return [Finding]
      def self.verdict(forks, hook, file, line)
        return finding(:fine, "the hook is there", subject: file) if hook
        return finding(:fine, "no workers are forked", subject: file) unless forks

        finding(:doubtful, "no hook for forked workers: each connects at its first read, or a second later",
                subject: file, advice: "add the line: #{line}")
      end
    end
  end
end
