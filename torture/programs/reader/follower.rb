# frozen_string_literal: true

# The main loop of one process: it reports every snapshot that it sees, and sometimes forks a child that
# continues.
#
# It waits natively for the next publication and takes the latest snapshot. One that is replaced before the
# previous one is reported is not seen.
class Follower
  HEARTBEAT = 0.2
  LIVE_READS = 8
  DEEPEST = 3
  # The number of living children of one process.
  CHILDREN = 2
  # The seconds between two forks of one process, and the lifetime of a child in seconds.
  BETWEEN_FORKS = (5.0..20.0)
  LIFE = (3.0..30.0)

  def initialize(client, random, reporter, dump, examiner, depth: 0, parent: 0)
    @client = client
    @random = random
    @reporter = reporter
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
    @reporter.report("B", Harness.now, @parent, @client.config.max_staleness)
    turn while Harness.now < @ends
    @reporter.report("X", Harness.now)
  end

  private

  def turn
    @client.native_wait_generation([@generation, 0].max, [@next_beat - Harness.now, 0].max)
    look
    beat if Harness.now >= @next_beat
    @dump.write_if_wanted
    fork_another if Harness.now >= @next_fork
    @children.reject! { |pid| Process.wait(pid, Process::WNOHANG) }
  rescue StandardError => e
    @reporter.report("E", Harness.now, "#{e.class}: #{e.message}")
  end

  # Looks at the latest snapshot. The generation is read first, so that a later publication ends the next
  # wait.
  def look
    time = Harness.now
    @generation = generation
    snapshot = timed { @client.snapshot }
    return if snapshot.revision == @revision && @generation == @reported

    @revision = snapshot.revision
    @reported = @generation
    @dump.keep(snapshot)
    summary, keys = @examiner.examine(snapshot)
    compare_live_reads(snapshot, keys)
    @reporter.report("S", time, @revision, @client.status.resets, @generation, summary)
  end

  # Compares reads of single keys with the snapshot. If nothing was published meanwhile, both must be equal.
  def compare_live_reads(snapshot, keys)
    keys = keys.sample(LIVE_READS, random: @random) + @examiner.sample + ["/t/a/none"]
    live = keys.map { |key| timed { @client[key] } }
    return unless generation == @generation && @client.snapshot.revision == @revision

    wrong = keys.zip(live).find { |key, value| value != snapshot[key] }
    @reporter.report("E", Harness.now, "a read of #{wrong.first.inspect} was not of #{@revision}") if wrong
  end

  # Reports the status. The time is taken first, so that time minus age is not later than what the age counts
  # from.
  def beat
    time = Harness.now
    status = @client.status
    @reporter.report("H", time, status.revision, status.resets, status.age || "-", status.stale?,
                     status.state, @slowest, @reads, status.role || "-", status.endpoint, status.reconnects,
                     status.relists)
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

  def generation = @client.native_generation

  def fork_another
    @next_fork = Harness.now + @random.rand(BETWEEN_FORKS)
    return if @depth >= DEEPEST || @children.size >= CHILDREN

    seed = @random.rand(2**32)
    parent = Process.pid
    @children << fork { be_child(Random.new(seed), parent) }
  end

  # Runs in the child. Some children end as resque's do, without at_exit blocks.
  def be_child(random, parent)
    Follower.new(@client, random, @reporter, @dump, @examiner, depth: @depth + 1, parent:).run
    exit!(0) if random.rand < 0.5
  end
end
