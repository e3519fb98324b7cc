# frozen_string_literal: true

require_relative "app_server"

module Harness
  # A real puma that serves the small application. Without workers it is puma's single mode, and the one
  # process counts as the worker.
  class PumaServer < AppServer
    COMMON = <<~'RUBY'
      bind "tcp://#{ENV.fetch('LISTEN')}"
      threads 1, 2
      worker_boot_timeout 20
      workers Integer(ENV.fetch("WORKERS"))
    RUBY

    # The name of the thread that accepts connections: the first one in puma 6 and later.
    SERVING = ["puma srv", "puma server"].freeze

    def initialize(config: "", workers: 2, **options)
      @single = workers.zero?
      super(config: COMMON + config, workers:, **options)
      @workers = 1 if @single
    end

    def worker_pids
      return [master_pid] if @single

      titled(/puma: cluster worker \d+: #{master_pid}/).map(&:pid).sort
    end

    # With fork_worker the others are forked from worker 0.
    def parent_pid
      worker = titled(/puma: cluster worker [1-9]/).first
      worker ? worker.parent : master_pid
    end

    # A worker that puma has not yet noticed counts as absent: with fork_worker puma does not replace one that
    # dies before that. If puma misses a worker's report, it replaces that worker after worker_boot_timeout.
    #
    # And it must serve: a TERM between that report and the start of its server is lost (puma's
    # Server#notify_safely drops it). 30 s later puma kills the worker, which then withdraws nothing.
    def answers?(pid) = (@single || noticed?(pid)) && serving?(pid) && super

    def replace(...)
      known = worker_pids
      super
      (await_workers(@workers) - known).first
    end

    private

    def noticed?(pid) = File.read(log).include?("(PID: #{pid}) booted")

    def serving?(pid) = ProcessTable.threads(pid).any? { |name| SERVING.include?(name) }

    def command = ["puma", "-C", @config, "config.ru"]
  end
end
