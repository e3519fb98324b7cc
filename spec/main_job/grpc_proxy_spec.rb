# frozen_string_literal: true

RSpec.describe "etcd grpc-proxy" do
  let(:etcd) { start_etcd }
  let(:proxy) { start_grpc_proxy(etcd) }
  let(:quick) { { progress_interval: 0.5, request_timeout: 1, max_staleness: 5 } }

  def start_following(*watched, **settings)
    etcd.ctl.put("/service/b", "before")
    client(proxy, *watched, **quick, **settings).tap(&:start)
  end

  # From the first of these writes on, only a comparison can confirm anything.
  def expect_confirmation(reader)
    asked = Harness.now
    wait_until("a confirmation") do
      etcd.ctl.put("/elsewhere", asked.to_s)
      reader.status.age < Harness.now - asked
    end
  end

  it "is followed: puts, deletions, and transactions over several prefixes" do
    reader = start_following("/service/", "/config/")
    etcd.ctl.put("/service/b", "after")
    wait_until("the new value") { reader["/service/b"] == "after" }
    etcd.ctl.transaction([:del, "/service/b"], [:put, "/service/c", "1"], [:put, "/config/c", "1"])
    wait_until("the transaction") { reader["/service/c"] == "1" }
    expect(reader.snapshot.to_h).to eq("/service/c" => "1", "/config/c" => "1")
  end

  it "leaves freshness to comparisons: while others write, it is confirmed over one connection" do
    reader = start_following("/service/", request_timeout: 10)
    5.times { expect_confirmation(reader) }
    status = reader.status
    expect(status).to have_attributes(state: :watching, reconnects: 0, relists: 0, resets: 0)
    expect(status.last_error.message).to include(proxy.endpoint).and include("grpc-proxy")
  end

  it "that is killed is noticed, the copy stays, and is followed again once the proxy is back" do
    reader = start_following("/service/")
    proxy.kill9
    wait_until("stale") { reader.stale? }
    expect(reader["/service/b"]).to eq "before"
    etcd.ctl.delete("/service/b")
    proxy.start
    wait_until("the deletion") { reader["/service/b"].nil? }
    wait_until("fresh") { reader.healthy? }
  end
end
