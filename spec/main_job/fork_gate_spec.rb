# frozen_string_literal: true

RSpec.describe "while a process forks during changes" do
  let(:etcd) { start_etcd(flags: ["--max-txn-ops=1000"]) }

  def churn(value) = etcd.ctl.transaction(*Array.new(1000) { |n| [:put, "/service/churn/#{n}", value] })

  it "its native thread is parked; each child has one complete snapshot; and the parent misses nothing" do
    churn("begin")
    parent = ruby_process(<<~'RUBY', etcd, first: "fork_probe")
      connect "/service/"
      # This child's reads show its snapshot, unless something arrives between them.
      torn = lambda do |key|
        read, held, again = EtcdDiscovery[key], EtcdDiscovery.snapshot[key], EtcdDiscovery[key]
        read.equal?(again) && read != held
      end
      keys = %w[0 500 999].map { |n| "/service/churn/#{n}" }
      report "connected"
      until EtcdDiscovery.key?("/service/last")
        keys.each { |key| EtcdDiscovery[key] }
        report ForkProbe.seen.size if ForkProbe.seen.size == 20
        in_child do
          keys.any?(&torn) and raise "a read and the snapshot differ"
          EtcdDiscovery.snapshot.prefix("/service/churn/").map(&:last).uniq.one? or raise "half a transaction"
        end
      end
      still, moving = ForkProbe.seen.partition { |function| function.include?("futex") }
      report [still.size, moving.size, EtcdDiscovery.snapshot.size, EtcdDiscovery.status.reconnects]
    RUBY
    parent.heard
    enough = Thread.new { parent.heard(timeout: 120) }
    (1..).each { |n| enough.alive? ? churn(n.to_s) : break }
    expect(enough.value).to be >= 20
    etcd.ctl.put("/service/last", "last")
    still, moving, size, reconnects = parent.heard(timeout: 120)
    expect(still).to be > 10
    expect(still).to be > 4 * moving
    expect([size, reconnects]).to eq [1001, 0]
  end
end
