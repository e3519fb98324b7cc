# frozen_string_literal: true

require_relative "app_server"

module Harness
  # A real puma that serves the small application. Without workers it is puma's single mode: then the one
  # process counts as the worker.
  class PumaServer < AppServer
    COMMON = <<~'RUBY'
      bind "tcp://#{ENV.fetch('LISTEN')}"
      threads 1, 2
      worker_boot_timeout 20
      workers Integer(ENV.fetch("WORKERS"))
    RUBY

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

    # What puma has yet to take note of is not there: with fork_worker it does not replace a worker that dies
    # before that. Should it miss a worker's word, it replaces that worker after worker_boot_timeout.
    def answers?(pid) = (@single || File.read(log).include?("(PID: #{pid}) booted")) && super

    def replace(...)
      known = worker_pids
      super
      (await_workers(@workers) - known).first
    end

    private

    def command = ["puma", "-C", @config, "config.ru"]
  end
end
