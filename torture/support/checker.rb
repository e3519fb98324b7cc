# frozen_string_literal: true

require_relative "freshness"
require_relative "observation"
require_relative "process_history"

module Torture
  # Holds everything that every process has told against what etcd really held: promises 1 to 5.
  #
  # An observation waits until the recorder has come as far, and until the process has spoken once more.
  class Checker
    # Seconds. A read that asked the network would take as long as etcd is away; but the machine may be busy.
    LONGEST_READ = 1.0
    # Until the recorder's word of that time has arrived here, and the process has counted a reset that it was
    # about to count: it does so just after it shows the snapshot.
    HINDSIGHT = 0.5
    # No one can know a revision for so long before the recorder, even where other work starves it while it
    # reads a change of 100,000 keys.
    RECORDER_LIMIT = 120

    # What Recovery wants to see reached.
    attr_accessor :goal
    attr_reader :history, :freshness, :findings, :processes, :counts, :slowest

    def initialize(history, alarm: ->(pid) {})
      @history = history
      @alarm = alarm
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

    # Checks what can be checked by now; all of it at the `last`.
    def advance(last: false)
      @queues.each_value { |queue| check(queue.shift, queue) while ready?(queue, last) }
      @queues.reject! { |pid, queue| queue.empty? && !@processes.key?(pid) }
    end

    # Of a process that somebody has killed.
    def forget(pid) = take(Death.new(pid, Harness.now))

    # Processes that are gone, though nobody has killed them and they have not taken their leave.
    def miss(pids)
      pids.reject { |pid| @queues[pid].any?(Death) }.select { |pid| @processes.delete(pid) }
          .each { |pid| found(9, Death.new(pid, Harness.now), "it ended without a word") }
    end

    private

    def born(birth)
      advance_one(birth.pid)
      @counts[:processes] += 1
      @counts[:forked] += 1 unless birth.parent.zero?
      @processes[birth.pid] = ProcessHistory.new(birth.pid, birth.time, birth.max_staleness)
    end

    # A number that the kernel gives a second time is another process.
    def advance_one(pid)
      queue = @queues[pid]
      check(queue.shift, queue) until queue.empty?
    end

    def ready?(queue, last)
      head = queue.first
      return false unless head
      return true if last || head.is_a?(Death)
      return head.time + HINDSIGHT < Harness.now if head.is_a?(Beat)

      said_more?(head, queue.last) && (recorded?(head) || head.time + RECORDER_LIMIT < Harness.now)
    end

    def said_more?(look, latest) = latest.is_a?(Death) || latest.time > look.time + HINDSIGHT

    # Also between two epochs: the next one may begin with what the last one held.
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

    # The resets that a process had counted some time after a look. After its last ones it did not live to
    # count the one that this may have been.
    def counted_after(look, later)
      following = later.find { |one| one.respond_to?(:resets) && one.time > look.time + HINDSIGHT }
      following ? following.resets : look.resets + 1
    end

    # Promises 1 and 3: etcd's content at exactly that revision. Promise 2: never back without a reset.
    def check_look(process, look, resets_later)
      count_publications(process, look)
      epochs = history.epochs_with(look.revision, look.summary)
      return found(1, look, history.lack(look.revision)) if epochs.empty?

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
      found(4, beat, "a read took #{beat.slowest} s") if beat.slowest > LONGEST_READ
      problem = freshness.problem(process, beat)
      found(5, beat, problem) if problem
    end

    def count_beat(beat)
      @counts[:beats] += 1
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
