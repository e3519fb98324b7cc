# frozen_string_literal: true

require_relative "wait_until"

module Harness
  # A process started by a spec, known by its pid. It has its own process group, so that everything it starts
  # (unicorn's workers, its successor after USR2) ends with it.
  class ChildProcess
    # A busy disk delays even a process that was killed.
    GRACE = 30

    attr_reader :pid, :status

    def initialize(*command, env: {}, log: File::NULL, **options)
      @name = File.basename(command.first)
      @pid = Process.spawn(env, *command,
                           { in: File::NULL, out: [log, "a"], err: [log, "a"], pgroup: true }.merge(options))
    end

    def alive?
      return false if @status

      _, status = Process.wait2(@pid, Process::WNOHANG)
      @status = status
      status.nil?
    end

    def signal(name) = Process.kill(name, @pid)

    def kill9
      return unless alive?

      signal(:KILL)
      wait
    end

    # Sends the signal first. What is left of the group after that gets KILL.
    def stop(name = :TERM)
      return end_group unless alive?

      signal(name)
      signal(:CONT) # a paused process would never see the other signal
      wait
    rescue WaitTimeout
      end_group
      wait
    ensure
      end_group
    end

    def wait(timeout: GRACE)
      WaitUntil.wait_until("the end of #{@name} (pid #{@pid})", timeout:) { !alive? }
      @status
    end

    private

    # The group's number is reserved as long as one of its processes lives. So this cannot hit a stranger
    # unless the group is empty, and then the kernel says so.
    def end_group
      Process.kill(:KILL, -@pid)
    rescue Errno::ESRCH
      nil
    end
  end
end
