# frozen_string_literal: true

# Summarises snapshots. It reads the bulk only from time to time.
class Examiner
  # The share of a process's time for reading the bulk. A dozen processes share the machine with etcd.
  SHARE = 0.04
  # The number of keys of the bulk to read one by one afterwards.
  SAMPLE = 4

  # Some keys of the bulk from the last time that it was read.
  attr_reader :sample

  def initialize(random)
    @random = random
    @sample = []
    @next = 0
  end

  # @return [Array(Torture::Summary, Array<String>)] the summary and the few keys
  def examine(snapshot)
    few = read(snapshot, Torture::Content::FEW_PREFIXES)
    bulk = bulk(snapshot) if Harness.now >= @next
    [Torture::Content.summary(few, snapshot.size, bulk), few.map(&:first)]
  end

  private

  def bulk(snapshot)
    started = Harness.now
    pairs = read(snapshot, Torture::Content::BULK_PREFIXES)
    @sample = pairs.sample(SAMPLE, random: @random).map(&:first)
    Torture::Content.digest(pairs)
  ensure
    @next = Harness.now + ((Harness.now - started) / SHARE)
  end

  def read(snapshot, prefixes) = prefixes.flat_map { |prefix| snapshot.prefix(prefix).to_a }
end
