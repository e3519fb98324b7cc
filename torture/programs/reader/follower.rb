# frozen_string_literal: true

# The life of one process: it looks at every snapshot that it can see, tells of it, and now and then forks
# another that goes on from there.
#
# It sleeps until the next publication, natively, and takes what is there then: a snapshot that is published
# and replaced before it has told of the one before is seen by nobody.
class Follower
  HEARTBEAT = 0.2
  LIVE_READS = 8
  DEEPEST = 3
  # Forks under way at once, in one process.
  CHILDREN = 2
  # Seconds: between two forks of one process, and of a forked one's life.
  BETWEEN_FORKS = (5.0..20.0)
  LIFE = (3.0..30.0)

  def initialize(client, random, speech, dump, examiner, depth: 0, parent: 0)
    @client = client
    @random = random
    @speech = speech
    @dump = dump
    @examiner = examiner
    @depth = depth
    @parent = parent
    @children = []
    @generation = -1
    @slowest = 0.0
    @reads = 0
    @next_beat = @next_fork = Harness.now
  end

  def run
    @ends = @depth.zero? ? Float::INFINITY : Harness.now + @random.rand(LIFE)
    @next_fork += @random.rand(BETWEEN_FORKS)
    @speech.tell("B", Harness.now, @parent, @client.config.max_staleness)
    turn while Harness.now < @ends
    @speech.tell("X", Harness.now)
  end

  private

  def turn
    @client.send(:native_wait_generation, [@generation, 0].max, [@next_beat - Harness.now, 0].max)
    look
    beat if Harness.now >= @next_beat
    @dump.write_if_wanted
    fork_another if Harness.now >= @next_fork
    @children.reject! { |pid| Process.wait(pid, Process::WNOHANG) }
  rescue StandardError => e
    @speech.tell("E", Harness.now, "#{e.class}: #{e.message}")
  end

  # The generation is taken first: what is published after that will end the next wait.
  def look
    time = Harness.now
    @generation = generation
    snapshot = timed { @client.snapshot }
    return if snapshot.revision == @revision && @generation == @told

    @revision = snapshot.revision
    @told = @generation
    @dump.keep(snapshot)
    summary, keys = @examiner.examine(snapshot)
    compare_live_reads(snapshot, keys)
    @speech.tell("S", time, @revision, @client.status.resets, @generation, summary)
  end

  # A read is not of a snapshot but of now. If nothing was published meanwhile, both must say the same.
  def compare_live_reads(snapshot, keys)
    keys = keys.sample(LIVE_READS, random: @random) + @examiner.sample + ["/t/a/none"]
    live = keys.map { |key| timed { @client[key] } }
    return unless generation == @generation && @client.snapshot.revision == @revision

    wrong = keys.zip(live).find { |key, value| value != snapshot[key] }
    @speech.tell("E", Harness.now, "a read of #{wrong.first.inspect} was not of #{@revision}") if wrong
  end

  # The time is taken first, so that time less age is not after what the age counts from.
  def beat
    time = Harness.now
    status = @client.status
    @speech.tell("H", time, status.revision, status.resets, status.age || "-", status.stale?, status.state,
                 @slowest, @reads, status.endpoint, status.reconnects, status.relists)
    @slowest = 0.0
    @reads = 0
    @next_beat = Harness.now + HEARTBEAT
  end

  def timed
    started = Harness.now
    yield
  ensure
    @reads += 1
    @slowest = [@slowest, Harness.now - started].max
  end

  def generation = @client.send(:native_generation)

  def fork_another
    @next_fork = Harness.now + @random.rand(BETWEEN_FORKS)
    return if @depth >= DEEPEST || @children.size >= CHILDREN

    seed = @random.rand(2**32)
    parent = Process.pid
    @children << fork { be_child(Random.new(seed), parent) }
  end

  # Some leave as resque's children do, without at_exit blocks.
  def be_child(random, parent)
    Follower.new(@client, random, @speech, @dump, @examiner, depth: @depth + 1, parent:).run
    exit!(0) if random.rand < 0.5
  end
end
