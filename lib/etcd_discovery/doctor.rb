# frozen_string_literal: true

require_relative "../etcd_discovery"
require_relative "doctor/finding"
require_relative "doctor/target"
require_relative "doctor/context"
require_relative "doctor/settings_check"
require_relative "doctor/files_check"
require_relative "doctor/host_check"
require_relative "doctor/disk_copy_check"
require_relative "doctor/hooks_check"
require_relative "doctor/gems_check"
require_relative "doctor/names_check"
require_relative "doctor/tcp_check"
require_relative "doctor/tls_check"
require_relative "doctor/http2_check"
require_relative "doctor/members_check"
require_relative "doctor/rights_check"
require_relative "doctor/latency_check"

module EtcdDiscovery
  # Looks for what is wrong between this process and etcd, layer by layer, and names the cause.
  #
  # Each check looks at one layer by itself: names, TCP, TLS, HTTP/2, the cluster, the login, the permissions.
  # An endpoint that fails at one layer is not asked at the next, so that one cause is one finding.
  #
  # @api private
  class Doctor
    # Seconds for everything, even if nothing answers.
    LIMIT = 20.0
    # Seconds.
    MOMENT = 0.1
    private_constant :MOMENT

    LEVELS = %i[fine doubtful wrong].freeze

    CHECKS = [SettingsCheck, FilesCheck, HostCheck, DiskCopyCheck, HooksCheck, GemsCheck, NamesCheck,
              TCPCheck, TLSCheck, HTTP2Check, MembersCheck, RightsCheck, LatencyCheck].freeze

    # Those that wait for nothing.
    LOCAL = CHECKS.take(6).freeze
    private_constant :LOCAL

    # @return [Array<Finding>] so far
    attr_reader :findings

    # @param config [Configuration]
    # @param registered [Array<String>] keys that this process registers
    # @param folder [String] where the application's configuration files are
    # @param limit [Numeric] seconds
    def initialize(config, registered: [], folder: Dir.pwd, limit: LIMIT)
      @context = Context.new(config, registered:, folder:, limit:)
      @findings = []
    end

    # @yieldparam finding [Finding] each, as soon as it is there
    # @return [Symbol] the worst level
    def run
      CHECKS.each do |check|
        examine(check).each do |finding|
          @findings << finding
          yield finding if block_given?
        end
        break if @context.hopeless
      end
      worst
    ensure
      @context.close
    end

    # @return [Symbol]
    def worst = @findings.map(&:level).max_by { |level| LEVELS.index(level) } || :fine

    private

    # A check that hangs is left behind: its thread ends with the process. One with nothing to do needs no
    # time.
    def examine(check)
      return check.new(@context).findings if LOCAL.include?(check)

      thread = Thread.new { check.new(@context).findings }
      thread.report_on_exception = false
      return thread.value if thread.join([@context.left, MOMENT].max)

      [check.finding(:doubtful, "not finished within the time for all checks",
                     advice: "give it more with --timeout SECONDS")]
    rescue ThreadError
      @context.hopeless = true # the check of the limits says why
      [check.finding(:doubtful, "the system refuses to start a thread, so the remaining checks were skipped")]
    rescue StandardError => e
      [check.finding(:doubtful, "this check failed: #{e.class}: #{e.message}",
                     advice: "report it as a bug of etcd_discovery")]
    end
  end
end
