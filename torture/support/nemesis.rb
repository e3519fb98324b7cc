# frozen_string_literal: true

Dir[File.expand_path("../faults/*.rb", __dir__)].each { |file| require file }
require_relative "recovery"

module Torture
  # In each round, breaks several things, repairs them all, and waits until every process has recovered.
  #
  # The seed decides which faults, in which order and for how long.
  class Nemesis
    AT_ONCE = (1..3)
    # The duration of a round in seconds. One round in five is long enough for data to become stale.
    SHORT = (0.3..3.0)
    LONG = (4.0..9.0)
    # A fault that is injected alone, because it takes down all of etcd.
    ALONE = :restore_backup
    # The number of rounds between two backups.
    BETWEEN_BACKUPS = 3

    attr_reader :injected, :refused, :recovery, :complaints

    # The longest recovery in seconds, and the faults before it.
    attr_reader :slowest

    # @param folder [String] gets a log of the faults, as evidence
    def initialize(world, random, folder)
      @world = world
      @random = random
      @record = File.open(File.join(folder, "faults.log"), "w")
      @record.sync = true
      @recovery = Recovery.new(world)
      @injected = Hash.new(0)
      @refused = Hash.new(0)
      @complaints = []
      @slowest = [0, []]
      @deck = []
      @rounds = 0
    end

    def run(seconds)
      deadline = Harness.now + seconds
      @complaints += @recovery.measure
      round(Recovery::STUCK) while Harness.now < deadline
      round(Recovery::LIMIT)
    end

    private

    def round(limit)
      prepare if (@rounds % BETWEEN_BACKUPS).zero?
      @rounds += 1
      faults = draw.each { |fault| inject(fault) }
      sleep @random.rand(@random.rand < 0.2 ? LONG : SHORT)
      @complaints += heal(limit)
      longest = @recovery.last.max || 0
      @slowest = [longest, faults] if longest > @slowest.first
      @world.processes.check_alive
    end

    def prepare
      @world.compactor.trim
      @world.cluster.back_up
    end

    def heal(limit)
      note("healing")
      @world.heal
      note("healed")
      @recovery.measure(limit:).tap { @world.report_missing }
    end

    # Draws the next faults. Every kind comes once before any is repeated.
    def draw
      @deck += shuffled if @deck.size < AT_ONCE.max
      return [@deck.shift] if @deck.first == ALONE

      chosen = @deck.shift(@random.rand(AT_ONCE))
      @deck.unshift(ALONE) if chosen.delete(ALONE)
      chosen
    end

    # Large changes come early, each together with others, so that even a short run on a busy machine has
    # them.
    def shuffled
      large = Faults::LARGE.shuffle(random: @random)
      others = (Faults.all.keys - large).shuffle(random: @random)
      large.each_with_index { |fault, n| others.insert(n * AT_ONCE.max, fault) }
      others
    end

    def inject(fault)
      done = Faults.inject(fault, @world)
      (done ? @injected : @refused)[fault] += 1
      note(done ? fault : "#{fault} (not possible)")
    end

    def note(what) = @record.puts("#{Harness.now} #{what}")
  end
end
