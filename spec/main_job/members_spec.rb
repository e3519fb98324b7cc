# frozen_string_literal: true

RSpec.describe "the cluster's own members" do
  let(:cluster) { start_cluster }
  let(:seed) { start_proxy(cluster.members.first) }

  # True once the reader watches another member than the configured one, which refuses for a while.
  def moved_on?(reader)
    seed.refuse
    others = cluster.members.map(&:endpoint)
    wait_until("another member", timeout: 3) { others.include?(reader.status.endpoint) }
  rescue Harness::WaitTimeout
    false
  ensure
    seed.pass
  end

  it "are used when the configured one is gone, if member_sync is set" do
    cluster.put("/service/b", "before")
    reader = client(seed, "/service/", member_sync: true).tap(&:start)
    wait_until("the reader to find another member", timeout: 90) { moved_on?(reader) }
    seed.refuse
    cluster.put("/service/b", "after")
    expect_soon("the value from a member that is not configured") { reader["/service/b"] == "after" }
    expect(reader.put("/service/c", "1")).to be > 1
  end

  it "are not asked for by default" do
    cluster.put("/service/b", "before")
    reader = client(seed, "/service/", backoff_cap: 0.2).tap(&:start)
    seed.refuse
    wait_until("some failed attempts") { reader.status.state == :backoff }
    expect(moved_on?(reader)).to be false
  end

  it "are known to a forked child and to its children when the configured one is gone",
     own_watch: "the status tells which member a process is connected to" do
    cluster.put("/service/b", "before")
    parent = ruby_process(<<~'RUBY', seed)
      never_started = EtcdDiscovery::Client.new(endpoints:, watch: ["/service/"], member_sync: true)
      connect "/service/", member_sync: true
      report EtcdDiscovery.status.endpoint
      hear
      wait_until("another member") { (now = EtcdDiscovery.status.endpoint) && now != endpoints.first }
      follows = lambda do |who|
        key = "/service/#{who}"
        EtcdDiscovery.put(key, "by a child")
        wait_until("#{who} to follow", 5) { EtcdDiscovery[key] == "by a child" }
      end
      in_child do
        follows.call("child")
        in_child { follows.call("grandchild") }
      end
      in_child { in_child { follows.call("grandchild of a child that did nothing") } }
      in_child { report never_started.status.state }
      report "all followed"
    RUBY
    expect(parent.heard).to eq seed.endpoint
    expect(moved_on?(client(seed, "/service/", member_sync: true).tap(&:start))).to be true
    seed.refuse
    parent.tell
    expect(parent.heard(timeout: 60)).to eq "stopped"
    expect(parent.heard(timeout: 60)).to eq "all followed"
  end
end
