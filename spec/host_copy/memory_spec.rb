# frozen_string_literal: true

require_relative "host"

RSpec.describe "the memory of a follower" do
  include_context "with a host"

  let(:etcd) { start_etcd(flags: %w[--max-txn-ops=500]) }

  keys = 20_000
  bytes = 1_000

  define_method(:change_all) { |round| put_all(keys, bytes, round, at_once: 500) }

  # What it has for itself alone, in copies of the content.
  define_method(:copies) do |process|
    ask(process, <<~'RUBY').fdiv(keys * (bytes + 60))
      GC.start
      File.read("/proc/self/smaps_rollup").scan(/^Private_(?:Clean|Dirty):\s+(\d+)/).flatten.sum(&:to_i) * 1_024
    RUBY
  end

  it "is that of a process without content, also after every key has changed several times" do
    change_all(0)
    bare = member(watch: ["/nothing/"])
    leader, follower = leader_and_followers(1)
    # A value that Ruby reads becomes a String, which is the process's own. So only a few are read here.
    held = <<~RUBY
      snapshot = EtcdDiscovery.snapshot
      [snapshot.size, snapshot["/service/0"].size, snapshot["/service/999"].size]
    RUBY
    expect(ask(follower, held)).to eq [keys, bytes, bytes]

    extra = [copies(follower) - copies(bare)]
    (1..3).each do |round|
      change_all(round)
      value = round.to_s.rjust(bytes, "v")
      expect_soon("round #{round}") { ask(follower, %(EtcdDiscovery["/service/#{keys - 1}"])) == value }
      expect(ask(follower, held)).to eq [keys, bytes, bytes]
      extra << (copies(follower) - copies(bare))
    end
    expect(extra).to all(be < 0.25)
    # Otherwise nothing was measured.
    expect(copies(leader) - copies(bare)).to be > 0.5
  end
end
