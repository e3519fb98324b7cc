# frozen_string_literal: true

require_relative "freshness"
require_relative "observation"
require_relative "process_history"
require_relative "stops"

module Torture
  # Compares everything that the processes report with what etcd really held: promises 1 to 5.
  #
  # An observation is checked once the recorder has reached its revision and the process has sent another
  # report.
  class Checker
    # The longest read in seconds. A read that used the network would take as long as etcd is away; the rest
    # is allowed for a busy machine.
    LONGEST_READ = 1.0
    # How many seconds to wait for later reports. The recorder's lines for that time have arrived then, and
    # the process has counted its reset, which it does just after showing the snapshot.
    HINDSIGHT = 0.5
    # How many seconds the recorder may be behind a reader. Other work may starve it while it reads a change
    # of 100,000 keys.
    RECORDER_LIMIT = 120

    # The goal that Recovery waits for.
    attr_accessor :goal
    attr_reader :history, :freshness, :stops, :findings, :processes, :counts, :slowest

    # @param counts_resets [Boolean] see ProcessHistory
    def initialize(history, alarm: ->(pid) {}, counts_resets: true)
      @history = history
      @alarm = alarm
      @counts_resets = counts_resets
      @stops = Stops.new
      @processes = {}
      @queues = Hash.new { |queues, pid| queues[pid] = [] }
      @freshness = Freshness.new(history)
      @findings = []
      @counts = Hash.new(0)
      @slowest = 0
    end

    def take(observation)
      case observation
      when Birth then born(observation)
      when Complaint then found(4, observation, observation.message)
      else @queues[observation.pid] << observation
      end
    end

    # Checks the observations that are ready; with `last`, all of them.
    def advance(last: false)
      @queues.each_value { |queue| check(queue.shift, queue) while ready?(queue, last) }
      @queues.reject! { |pid, queue| queue.empty? && !@processes.key?(pid) }
    end

    # Forgets a process that the run has killed.
    def forget(pid) = take(Death.new(pid, Harness.now))

    # Reports processes that ended although the run did not kill them and they did not announce it.
    def miss(pids)
      pids.reject { |pid| @queues[pid].any?(Death) }.select { |pid| @processes.delete(pid) }
          .each { |pid| found(9, Death.new(pid, Harness.now), "it ended unexpectedly") }
    end

    private

    def born(birth)
      advance_one(birth.pid)
      @counts[:processes] += 1
      @counts[:forked] += 1 unless birth.parent.zero?
      @processes[birth.pid] = ProcessHistory.new(birth, counts_resets: @counts_resets)
    end

    # Checks all observations of an earlier process whose pid the kernel has reused.
    def advance_one(pid)
      queue = @queues[pid]
      check(queue.shift, queue) until queue.empty?
    end

    def ready?(queue, last)
      head = queue.first
      return false unless head
      return true if last || head.is_a?(Death)
      return head.time + HINDSIGHT < Harness.now if head.is_a?(Beat)

      reported_later?(head, queue.last) && (recorded?(head) || head.time + RECORDER_LIMIT < Harness.now)
    end

    def reported_later?(look, latest) = latest.is_a?(Death) || latest.time > look.time + HINDSIGHT

    # Whether the recorder has reached the revision, or its content is known from another epoch: an epoch may
    # begin with what the last one held.
    def recorded?(look)
      return false if history.closed? && look.time > history.epochs.last.closed_at

      history.revision >= look.revision || history.epochs_with(look.revision, look.summary).any?
    end

    def check(observation, later)
      process = @processes[observation.pid] or return
      case observation
      when Look then check_look(process, observation, counted_after(observation, later))
      when Beat then check_beat(process, observation)
      when Death then @processes.delete(observation.pid)
      end
    end

    # The resets that a process had counted some time after a look. A process may end before it counts the
    # reset that its last look was.
    def counted_after(look, later)
      following = later.find { |one| one.respond_to?(:resets) && one.time > look.time + HINDSIGHT }
      following ? following.resets : look.resets + 1
    end

    # Promises 1 and 3: the content is etcd's at exactly that revision. Promise 2: no going back without a
    # reset.
    def check_look(process, look, resets_later)
      count_publications(process, look)
      epochs = history.epochs_with(look.revision, look.summary)
      return found(1, look, history.explain_mismatch(look.revision)) if epochs.empty?

      problem = process.look(look, epochs, resets_later)
      found(2, look, problem) if problem
      goal&.note(process)
    end

    def count_publications(process, look)
      @counts[:snapshots] += 1
      @counts[:entire] += 1 if look.summary.bulk
      @counts[:published] += process.generation ? [look.generation - process.generation, 0].max : 1
    end

    def check_beat(process, beat)
      count_beat(beat)
      process.role = beat.role
      found(4, beat, "a read took #{beat.slowest} s") if beat.slowest > LONGEST_READ && !stops.before?(beat)
      freshness.problem(process, beat)&.then { |problem| found(5, beat, problem) }
    end

    def count_beat(beat)
      @counts[:beats] += 1
      @counts[beat.role.to_sym] += 1 if beat.role
      @counts[:reads] += beat.reads
      @counts[:stale] += 1 if beat.stale
      @counts[:away] += 1 unless beat.state == "watching"
      @slowest = [@slowest, beat.slowest].max
    end

    def found(promise, observation, text)
      @findings << Finding.new(promise, observation, text)
      @alarm.call(observation.pid)
    end
  end
end
