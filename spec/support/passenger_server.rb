# frozen_string_literal: true

require_relative "app_server"

module Harness
  # A real Passenger Standalone with its builtin HTTP engine.
  class PassengerServer < AppServer
    # Passenger cannot run on this machine, for a reason that neither the gem nor the spec can change.
    class CannotRun < StandardError; end

    # As root, newer releases read this at their start, and end if they may not. A sandbox denies it even to
    # root.
    HIDDEN = "Cannot open '/proc/1/environ' for reading: Permission denied"

    def initialize(spawn_method:, workers: 2, **options)
      @spawn_method = spawn_method
      super(workers:, **options)
    end

    # With smart spawning the application is loaded by a preloader, which forks.
    def parent_pid = pids(/Passenger AppPreloader/).first

    def worker_pids = pids(/Passenger RubyApp/).sort

    # Passenger notices a death only when it next hands out a request.
    def replace(with: :KILL)
      known = worker_pids
      Process.kill(with, known.last)
      WaitUntil.wait_until("a successor of #{known.last}", timeout: BOOT_LIMIT) do
        ask_somebody
        successor(known) unless ProcessTable.alive?(known.last)
      end
    end

    # How Passenger itself ends one.
    def replace_gracefully = replace(with: :USR1)

    def stop
      @process&.stop(:INT)
      pids(/Passenger/).each { |pid| kill9(pid) } # a crash must leave nothing behind
    end

    private

    def gone!
      super
    rescue RuntimeError
      raise unless File.read(log).include?(HIDDEN)

      raise CannotRun, "Passenger does not start: this machine denies root to read /proc/1/environ"
    end

    def command
      ["passenger", "start", "--engine=builtin", "--address=127.0.0.1", "--port=#{port}",
       "--spawn-method=#{@spawn_method}", "--min-instances=#{@workers}", "--max-pool-size=#{@workers}",
       "--environment=production", "--log-file=#{log}", "--pid-file=#{@folder}/pid", "--no-install-runtime",
       "--disable-security-update-check", "--disable-anonymous-telemetry"]
    end

    def kill9(pid)
      Process.kill(:KILL, pid)
    rescue Errno::ESRCH
      nil # it ended by itself
    end

    # They leave the process group, but each that has loaded the application has a socket.
    def pids(title)
      pids = Dir.children(@folder).grep(/\A\d+\.sock\z/).map(&:to_i)
      pids.select { |pid| ProcessTable.alive?(pid) && ProcessTable.title(pid).match?(title) }
    end

    def ask_somebody
      get
    rescue Http::Failed, SystemCallError
      nil # the request had been handed to the dead one
    end
  end
end
