# frozen_string_literal: true

require_relative "../../torture/support/checker"
require_relative "../../torture/support/content"
require_relative "../../torture/support/history"

# What torture would notice. A checker that accepts anything would find every run sound.
RSpec.describe Torture::Checker do
  subject(:checker) { described_class.new(history) }

  let(:history) { Torture::History.new }
  let(:few) { [["/t/a/k/1", "one"], ["/t/c/k/1", "two"]] }
  let(:bulk) { Array.new(10) { |n| ["/t/a/many/#{n}", "value"] } }

  def digest(pairs) = Torture::Content.digest(pairs)

  def summary(few, bulk, read: true)
    Torture::Content.summary(few, few.size + bulk.size, read ? digest(bulk) : nil)
  end

  # Revision 10 has the bulk, and 11 has it deleted.
  before do
    history.record(0, 10, summary(few, bulk), 100.0)
    history.record(0, 11, summary(few, []), 101.0)
  end

  def promises_broken_by(*observations)
    checker.take(Torture::Birth.new(1, 99.0, 0, 10.0))
    observations.each { |observation| checker.take(observation) }
    checker.advance(last: true)
    checker.findings.map(&:promise)
  end

  def look(revision, summary, time: 100.5) = Torture::Look.new(1, time, revision, 0, revision, summary)

  it "accepts a snapshot that is etcd's content at its revision, with the bulk read or left out" do
    looks = [look(10, summary(few, bulk)), look(11, summary(few, [], read: false), time: 101.5)]
    expect(promises_broken_by(*looks)).to be_empty
  end

  it "finds a snapshot that shows a part of a large deletion, even if the bulk was not read" do
    expect(promises_broken_by(look(11, summary(few, bulk.first(3), read: false)))).to eq [1]
  end

  it "finds a snapshot whose bulk has as many keys as etcd's, and another value" do
    changed = [*bulk.first(9), ["/t/a/many/9", "VALUE"]]
    expect(promises_broken_by(look(10, summary(few, changed)))).to eq [1]
  end

  it "finds a snapshot in which one of the few keys is stale" do
    stale = [few.first, ["/t/c/k/1", "old"]]
    expect(promises_broken_by(look(10, summary(stale, bulk, read: false)))).to eq [1]
  end

  it "finds a revision that goes back" do
    looks = [look(11, summary(few, [])), look(10, summary(few, bulk), time: 101.5)]
    expect(promises_broken_by(*looks)).to eq [2]
  end

  it "accepts a reset that another process counts, and no other way back" do
    checker = described_class.new(history, counts_resets: false)
    checker.take(Torture::Birth.new(1, 99.0, 0, 10.0))
    history.close(102.0)
    history.record(1, 5, summary(few.first(1), []), 102.5)
    [look(11, summary(few, []), time: 101.5), look(5, summary(few.first(1), []), time: 103.0),
     look(10, summary(few, bulk), time: 104.0)].each { |seen| checker.take(seen) }
    checker.advance(last: true)
    expect(checker.findings.map { |finding| finding.observation.revision }).to eq [10]
  end

  it "finds a slow read, unless the run had stopped the process" do
    slow = Torture::Beat.new(1, Harness.now, 10, 0, nil, true, "watching", 5.0, 1, "leader")
    expect(promises_broken_by(slow)).to eq [4]
    checker.findings.clear
    checker.stops.stopped(1)
    checker.stops.continued
    expect(promises_broken_by(slow.dup.tap { |beat| beat.time += 1 })).to be_empty
  end

  it "finds a copy marked fresh after a large deletion that it does not have" do
    stuck = Torture::Beat.new(1, 103.0, 10, 0, 0.5, false, "watching", 0.0, 0, nil)
    expect(promises_broken_by(look(10, summary(few, bulk, read: false)), stuck)).to eq [5]
  end

  it "distinguishes contents whose keys and values make the same text" do
    expect(digest([%w[ab c]])).not_to eq digest([%w[a bc]])
  end

  it "reads a reader's report as the reader meant it" do
    [summary(few, bulk), summary(few, bulk, read: false)].each do |received|
      line = "S 1 100.5 10 0 7 #{received}"
      expect(Torture::Observation.parse(line)).to eq Torture::Look.new(1, 100.5, 10, 0, 7, received)
    end
  end
end
