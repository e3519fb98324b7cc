# frozen_string_literal: true

RSpec.describe "an etcd member that falls silent without closing a connection",
               own_watch: "the status tells which member a process is connected to" do
  let(:quick) { { progress_interval: 0.5, request_timeout: 1, connect_timeout: 1 } }
  # These faults affect only the client: the members still reach each other.
  let(:proxies) { @cluster.members.map { |member| start_proxy(member) } }

  before(:context) { @cluster = start_cluster }

  def follower(**settings)
    client(proxies.map(&:endpoint), "/service/", **settings).tap(&:start)
  end

  # The one of `things`, in the order of the members, that belongs to the reader's `endpoint`.
  def at(endpoint, things) = things[proxies.map(&:endpoint).index(endpoint)]

  # From the fault on nothing may be older than `max_staleness`: a stale reader has found no other member in
  # time.
  def expect_to_move_on(reader, left)
    @cluster.put("/service/b", value = "without #{left}")
    wait_until("the value over another member") do
      expect(reader).not_to be_stale
      reader["/service/b"] == value
    end
    wait_until("a confirmation from another member") { reader.healthy? && reader.status.endpoint != left }
  end

  it "is replaced by another one, before the copy is stale, when it is stopped (SIGSTOP)" do
    reader = follower(**quick)
    left = reader.status.endpoint
    stopped = at(left, @cluster.members).tap(&:pause)
    expect_to_move_on(reader, left)
  ensure
    stopped&.continue
  end

  it "is replaced by another one, before the copy is stale, when packets in any direction are lost" do
    [[:up], [:down], %i[up down]].each do |directions|
      reader = follower(**quick)
      left = reader.status.endpoint
      broken = at(left, proxies).tap { |proxy| proxy.blackhole(*directions) }
      expect_to_move_on(reader, left)
      broken.pass
    end
  end

  it "is replaced by another one, before the copy is stale, when its connections are half-open" do
    reader = follower(**quick)
    left = reader.status.endpoint
    at(left, proxies).half_open
    expect_to_move_on(reader, left)
  end

  it "is also replaced by another one with the default settings" do
    reader = follower
    left = reader.status.endpoint
    at(left, proxies).half_open
    @cluster.put("/service/b", "by default")
    wait_until("the value over another member") { reader["/service/b"] == "by default" }
    wait_until("a confirmation") { reader.healthy? }
    expect(reader.status.endpoint).not_to eq left
  end

  it "makes the copy stale within the default limit if there is no other" do
    proxy = start_proxy(@cluster.members.first)
    reader = client(proxy, "/service/").tap(&:start)
    proxy.half_open
    silent_since = Harness.now
    wait_until("stale") { reader.stale? }
    # Counted from the last confirmation, which is older than the silence, so never later than the limit.
    silence = Harness.now - silent_since
    expect(reader.status.age).to be >= silence
    expect(reader["/service/b"]).to eq @cluster.ctl.get("/service/b")
  end
end
