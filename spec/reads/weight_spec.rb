# frozen_string_literal: true

RSpec.describe "the memory of a snapshot" do
  let(:client) { Harness::ClosingClient.add(EtcdDiscovery::Client.new(source: "memory", watch: [""])) }

  def change(keys) = keys.times { |n| client.put("/#{n}", rand.to_s) }

  # The bytes reported to Ruby's collector meanwhile.
  def received
    GC.start
    GC.disable
    before = GC.stat(:malloc_increase_bytes)
    yield
    GC.stat(:malloc_increase_bytes) - before
  ensure
    GC.enable
  end

  it "is known to Ruby's collector, which would otherwise keep thousands of old snapshots" do
    taken = received do
      100.times do
        change(100)
        client.snapshot
      end
    end
    not_taken = received { 100.times { change(100) } }
    expect(taken - not_taken).to be > 100 * 100 * 100
  end

  it "is reported once, however many snapshots of one revision are taken" do
    change(1_000)
    once = received { client.snapshot }
    again = received { client.snapshot }
    expect([once, again]).to match [be > 100_000, be < 10_000]
  end
end
