# frozen_string_literal: true

module Torture
  # Measures how long each process takes, once everything is repaired, to show etcd's current content.
  class Recovery
    # The seconds that a process may take after the last healing, on an otherwise idle machine: with the
    # default settings it waits up to 3 s before it connects. On a busy machine set TORTURE_RECOVERY to more.
    LIMIT = Float(ENV.fetch("TORTURE_RECOVERY", 5))
    # The seconds after which a process counts as stuck, after any other healing. The report says how many
    # needed more than LIMIT.
    STUCK = [30, LIMIT].max

    # The seconds within which a member must answer. A slower one is behind the others because a busy machine
    # starves it, and its readers are behind too. The time of recovery counts from when all members are prompt
    # again.
    PROMPT = 1
    # The seconds after which it counts in any case.
    LONGEST = 120

    # A revision of an epoch, and which processes have shown it, with their times.
    Goal = Struct.new(:epoch, :revision, :time) do
      def met = @met ||= {}

      def note(process)
        return if met.key?(process.pid) || process.epochs != [epoch] || process.revision < revision

        met[process.pid] = [process.seen_at - [time, process.born].max, 0].max
      end
    end

    # The times of all healings, those of the last one, and the number of stuck processes.
    attr_reader :times, :last, :stuck

    # The seconds during which a member was not prompt, over all healings.
    attr_reader :waited

    def initialize(world)
      @world = world
      @times = []
      @stuck = @waited = 0
    end

    def late = times.count { |time| time > LIMIT }

    # Measures one recovery. Call it when everything is repaired: the time counts from now on.
    def measure(limit: STUCK)
      goal = aim(Harness.now)
      missing = wait_for(goal, limit)
      @stuck += missing.size
      @last = goal.met.values
      @times.concat(@last)
      missing.map { |pid| "process #{pid} was not at revision #{goal.revision} within #{limit} s" }
    end

    private

    # @return [Array<Integer>] the pids of processes that did not reach the goal
    def wait_for(goal, limit)
      deadline = goal.time + LONGEST
      until (missing = behind(goal)).empty? || Harness.now > [goal.time + limit, deadline].min
        sleep 0.05
        wait_for_etcd(goal)
      end
      missing
    end

    def wait_for_etcd(goal)
      asked = Harness.now
      @world.cluster.await_service
      return if Harness.now - asked < PROMPT

      @waited += Harness.now - goal.time
      goal.time = Harness.now
    end

    def aim(time)
      revision = nil
      @world.cluster.insist("etcd's revision") { revision = @world.cluster.gateway.revision }
      @world.listener.ask do |checker|
        checker.goal = Goal.new(checker.history.current, revision, time)
        checker.processes.each_value { |process| checker.goal.note(process) }
        checker.goal
      end
    end

    # The living processes that have not reached the goal.
    def behind(goal)
      alive = @world.readers
      @world.listener.ask { |checker| checker.processes.keys.reject { |pid| goal.met.key?(pid) } } & alive
    end
  end
end
