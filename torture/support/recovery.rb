# frozen_string_literal: true

module Torture
  # How long each process takes, once everything is mended, until it has etcd's current content.
  class Recovery
    # Seconds that a process may take after the last healing, on a machine that does nothing else: with the
    # default settings it waits up to 3 s before it connects. Where other work shares the machine, set
    # TORTURE_RECOVERY to more.
    LIMIT = Float(ENV.fetch("TORTURE_RECOVERY", 5))
    # Seconds after which a process is stuck, after any other healing. The report says how many needed more
    # than LIMIT.
    STUCK = [30, LIMIT].max

    # Seconds. While a member takes longer to answer, it has not come as far as the others, and its readers
    # cannot either: a busy machine starves it. The time of recovery counts from when all answer again.
    PROMPT = 1
    # Seconds after which it counts in any case.
    LONGEST = 120

    # A revision of an epoch, and who has shown it when.
    Goal = Struct.new(:epoch, :revision, :time) do
      def met = @met ||= {}

      def note(process)
        return if met.key?(process.pid) || process.epochs != [epoch] || process.revision < revision

        met[process.pid] = [process.seen_at - [time, process.born].max, 0].max
      end
    end

    # Of all healings, and of the last one.
    attr_reader :times, :last, :stuck

    # Seconds in which a member was not prompt, of all healings.
    attr_reader :waited

    def initialize(world)
      @world = world
      @times = []
      @stuck = @waited = 0
    end

    def late = times.count { |time| time > LIMIT }

    # Call it when everything is mended: from now on the time counts.
    def measure(limit: STUCK)
      goal = aim(Harness.now)
      missing = wait_for(goal, limit)
      @stuck += missing.size
      @last = goal.met.values
      @times.concat(@last)
      missing.map { |pid| "process #{pid} was not at revision #{goal.revision} within #{limit} s" }
    end

    private

    # Returns who is missing in the end.
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

    # The living who have not yet shown it.
    def behind(goal)
      alive = @world.readers
      @world.listener.ask { |checker| checker.processes.keys.reject { |pid| goal.met.key?(pid) } } & alive
    end
  end
end
