# frozen_string_literal: true

require_relative "bulk"
require_relative "checker"
require_relative "cluster"
require_relative "compactor"
require_relative "processes"
require_relative "history"
require_relative "listener"

module Torture
  # All parts of a run, for the faults to use.
  class World
    attr_reader :cluster, :processes, :listener, :compactor, :random

    # The largest change of each kind that etcd accepted.
    attr_reader :sizes

    # @param host_copy [String, nil] the folder where readers with the same settings meet, to share one copy
    def initialize(folder, random, host_copy: nil)
      @random = random
      @sizes = Hash.new(0)
      @host_copy = host_copy
      @stopped = []
      checker = Checker.new(History.new, alarm: method(:ask_for_snapshots), counts_resets: !host_copy)
      @listener = Listener.new(checker, folder)
      @cluster = Cluster.new(folder, random)
      @processes = Processes.new(cluster.environment, listener, folder, random, host_copy:)
      @compactor = Compactor.new(Settings.gateway("root", ports: cluster.ports)) { recorded_revision }
    end

    def start
      cluster.start
      listener.start
      begin_epoch(0)
      processes.start_readers
      self
    end

    def begin_epoch(epoch)
      processes.start_recorder(epoch)
      wait("the recorder") { listener.ask { |checker| checker.history.epochs[epoch] } }
      processes.start_writers(epoch)
    end

    # A new bulk for each fault. The seed decides its size.
    def bulk = Bulk.new(cluster, random, sizes)

    def recorded_revision = listener.ask { |checker| checker.history.revision }

    def recorded_epoch = listener.ask { |checker| checker.history.current }

    # Repairs everything.
    def heal
      continue_readers
      compactor.stop
      listener.ask { |checker| checker.freshness.connected }
      cluster.heal
      cluster.permit
      processes.replace_dead_roots
    end

    def readers = listener.ask { |checker| checker.processes.keys }.select { |pid| alive?(pid) }

    # Stops the writers, waits until the recorder has everything, and returns the last revision.
    def finish_history
      processes.stop_writers
      last = nil
      wait("the recorder to have all", timeout: Checker::RECORDER_LIMIT, every: 0.3) do
        before = last
        last = cluster.gateway.revision
        last == before && last == recorded_revision && last
      rescue Harness::Gateway::Failed
        nil
      end
    end

    # Ends all processes, and checks the remaining reports.
    def close
      processes.close
      listener.stop
    end

    # Reports processes that ended unexpectedly. The pause lets the last report of an expected end arrive
    # first.
    def report_missing
      gone = listener.ask { |checker| checker.processes.keys }.reject { |pid| alive?(pid) }
      return if gone.empty?

      sleep 1
      listener.ask { |checker| checker.miss(gone) }
    end

    def kill_reader(pid)
      Process.kill(:KILL, pid)
      listener.ask { |checker| checker.forget(pid) }
    end

    def host_copy? = !@host_copy.nil?

    # Those of the readers that follow etcd for the others of the host.
    def leaders
      processes = listener.ask { |checker| checker.processes.dup }
      processes.select { |_, process| process.role == "leader" }.keys & readers
    end

    def stop_reader(pid)
      listener.ask { |checker| checker.stops.stopped(pid) }
      @stopped << pid
      Process.kill(:STOP, pid)
    end

    def wait(what, **options, &block) = Harness::WaitUntil.wait_until(what, **options, &block)

    private

    def continue_readers
      @stopped.each { |pid| signal(pid, :CONT) }.clear
      listener.ask { |checker| checker.stops.continued }
    end

    def signal(pid, signal)
      Process.kill(signal, pid)
    rescue Errno::ESRCH
      nil # it was killed meanwhile
    end

    def ask_for_snapshots(pid)
      signal(pid, :USR1)
    end

    # Whether the process is alive. A zombie is not, and its parent may never reap it.
    def alive?(pid)
      File.read("/proc/#{pid}/stat")[/\) (\S)/, 1] != "Z"
    rescue SystemCallError
      false
    end
  end
end
