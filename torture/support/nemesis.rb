# frozen_string_literal: true

Dir[File.expand_path("../faults/*.rb", __dir__)].each { |file| require file }
require_relative "recovery"

module Torture
  # Breaks things, several at a time, mends them all, and waits until every process has recovered; and again.
  # Which faults, in which order and for how long, the seed decides.
  class Nemesis
    AT_ONCE = (1..3)
    # Seconds; one in five lasts long enough for data to grow stale.
    SHORT = (0.3..3.0)
    LONG = (4.0..9.0)
    # It takes all of etcd down by itself.
    ALONE = :restore_backup
    # Rounds.
    BETWEEN_BACKUPS = 3

    attr_reader :injected, :refused, :recovery, :complaints

    # The longest recovery, in seconds, and the faults before it.
    attr_reader :slowest

    # What it does is kept in `folder`, for evidence.
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

    def round(patience)
      prepare if (@rounds % BETWEEN_BACKUPS).zero?
      @rounds += 1
      faults = draw.each { |fault| inject(fault) }
      sleep @random.rand(@random.rand < 0.2 ? LONG : SHORT)
      @complaints += settle(patience)
      longest = @recovery.last.max || 0
      @slowest = [longest, faults] if longest > @slowest.first
      @world.processes.complain
    end

    def prepare
      @world.compactor.trim
      @world.cluster.back_up
    end

    def settle(limit)
      note("healing")
      @world.heal
      note("healed")
      @recovery.measure(limit:).tap { @world.look_for_the_missing }
    end

    # Every kind once before any comes again.
    def draw
      @deck += shuffled if @deck.size < AT_ONCE.max
      return [@deck.shift] if @deck.first == ALONE

      chosen = @deck.shift(@random.rand(AT_ONCE))
      @deck.unshift(ALONE) if chosen.delete(ALONE)
      chosen
    end

    # The large ones come early, each beside others: a short run on a busy machine has them too.
    def shuffled
      large = Faults::LARGE.shuffle(random: @random)
      others = (Faults.all.keys - large).shuffle(random: @random)
      large.each_with_index { |fault, n| others.insert(n * AT_ONCE.max, fault) }
      others
    end

    def inject(fault)
      done = Faults.inject(fault, @world)
      (done ? @injected : @refused)[fault] += 1
      note(done ? fault : "#{fault}, in vain")
    end

    def note(what) = @record.puts("#{Harness.now} #{what}")
  end
end
