# frozen_string_literal: true

require_relative "app_server"

module Harness
  # A script of spec/servers/application/ that works like a server which is not available here, or without any
  # server. It has no HTTP: each process is asked through its own socket.
  class ScriptServer < AppServer
    def initialize(script:, workers: 1, **options)
      @script = script
      super(workers:, **options)
    end

    # The processes that the parent has forked.
    def worker_pids = group.select { |entry| entry.parent == parent_pid }.map(&:pid).sort

    def get = ask(worker_pids.first)

    private

    def command = [RbConfig.ruby, "#{@script}.rb"]
  end

  # A worker forks workers from itself and replaces its parent, any number of times.
  class ReforkingServer < ScriptServer
    def initialize(workers: 2, **options) = super(script: "reforking", workers:, **options)

    def parent_pid = @mold || master_pid

    # Makes a worker the parent of the next generation, and ends the one before.
    def refork
      former = worker_pids << parent_pid
      @mold = former.shift
      Process.kill(:USR2, @mold)
      await_workers(@workers)
      former.each { |pid| Process.kill(:TERM, pid) }
      WaitUntil.wait_until("the end of #{former}") { former.none? { |pid| ProcessTable.alive?(pid) } }
    end
  end

  # Leaves its process group, and is known only by its socket.
  class DaemonServer < ScriptServer
    def initialize(**options) = super(script: "daemon", **options)

    # The process that was started also has a socket, until the daemon takes over.
    def worker_pids
      pids = Dir.children(@folder).grep(/\A\d+\.sock\z/).map(&:to_i) - [master_pid]
      pids.select { |pid| ProcessTable.alive?(pid) }
    end

    def stop
      worker_pids.each { |pid| Process.kill(:TERM, pid) }
      super
    end

    private

    # The process that was started is gone once the daemon exists.
    def gone! = nil
  end
end
