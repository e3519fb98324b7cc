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

  it "are used when the configured one is gone, where member_sync is set" do
    cluster.put("/service/b", "before")
    reader = client(seed, "/service/", member_sync: true).tap(&:start)
    wait_until("the reader to find another member", timeout: 90) { moved_on?(reader) }
    seed.refuse
    cluster.put("/service/b", "after")
    expect_soon("the value from a member that nobody configured") { reader["/service/b"] == "after" }
    expect(reader.put("/service/c", "1")).to be > 1
  end

  it "are not asked for by themselves" do
    cluster.put("/service/b", "before")
    reader = client(seed, "/service/", backoff_cap: 0.2).tap(&:start)
    seed.refuse
    wait_until("some attempts in vain") { reader.status.state == :backoff }
    expect(moved_on?(reader)).to be false
  end
end
