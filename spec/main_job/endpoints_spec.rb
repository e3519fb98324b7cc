# frozen_string_literal: true

RSpec.describe "several endpoints" do
  def dead_endpoint = "http://127.0.0.1:#{Harness::FreePort.take}"

  it "with one dead member serve a start, a read and a write, in whatever order they are given" do
    etcd = start_etcd
    etcd.ctl.put("/service/b", "before")
    [[dead_endpoint, etcd.endpoint], [etcd.endpoint, dead_endpoint]].each do |endpoints|
      reader = client(endpoints, "/service/")
      expect(reader["/service/b"]).to eq "before"
      5.times { |n| expect(reader.put("/service/c", n.to_s)).to be > 1 }
      expect(reader.status.endpoint).to eq etcd.endpoint
    end
  end

  it "with one member that accepts connections and never answers serve a start" do
    etcd = start_etcd
    etcd.ctl.put("/service/b", "before")
    silent = start_proxy(etcd).tap(&:blackhole)
    reader = client([silent.endpoint, etcd.endpoint], "/service/", boot_timeout: 30)
    expect(reader["/service/b"]).to eq "before"
  end

  it "of a cluster are followed further when the connected member is killed, and then the next one" do
    cluster = start_cluster
    reader = client(cluster.endpoints, "/service/").tap(&:start)
    revisions = []
    %w[first second].each do |value|
      killed = cluster.members.find { |member| member.endpoint == reader.status.endpoint }.tap(&:kill9)
      cluster.put("/service/b", value)
      wait_until("#{value} from another member", timeout: 60) { reader["/service/b"] == value }
      expect(reader.status.endpoint).not_to eq killed.endpoint
      revisions << reader.snapshot.revision
      killed.start # before the next one goes: two of three are a majority, one is none
    end
    expect(revisions).to eq revisions.sort
    expect(bytes(reader.snapshot.to_h)).to eq cluster.ctl.read_prefix("/service/")
  end

  it "of a cluster that lost its majority are still read, and are marked stale" do
    cluster = start_cluster
    cluster.put("/service/b", "before")
    reader = client(cluster.endpoints, "/service/", max_staleness: 3, progress_interval: 0.5).tap(&:start)
    cluster.members.first(2).each(&:kill9)
    wait_until("stale", timeout: 60) { reader.stale? }
    expect(reader["/service/b"]).to eq "before"

    cluster.members.first(2).each(&:spawn).each(&:await_health)
    cluster.put("/service/b", "after")
    wait_until("the new value", timeout: 60) { reader["/service/b"] == "after" }
    expect_soon("fresh") { !reader.stale? }
  end
end
