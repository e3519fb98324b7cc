# frozen_string_literal: true

RSpec.describe "a process that loses etcd" do
  let(:etcd) { start_etcd }

  # Reads the keys one by one before the connection is lost, so that an old value in the reader's memory would
  # show.
  def read_all(reader) = reader.snapshot.keys.tap { |keys| keys.each { |key| reader[key] } }

  def expect_copy_of(etcd, reader, known)
    answer = etcd.ctl.read_prefix("/service/")
    expect(bytes(reader.snapshot.to_h)).to eq answer
    one_by_one = (known | answer.keys).to_h { |key| [key.b, reader[key]&.b] }
    expect(one_by_one.compact).to eq answer
  end

  it "keeps answering, and resumes when etcd was killed and comes back with its data" do
    etcd.ctl.put("/service/b", "before")
    reader = client(etcd, "/service/").tap(&:start)
    known = read_all(reader)
    relists = reader.status.relists

    etcd.kill9
    wait_until("the process to notice") { reader.status.last_error }
    expect(reader["/service/b"]).to eq "before"

    etcd.start
    etcd.ctl.put("/service/b", "after")
    wait_until("the new value") { reader["/service/b"] == "after" }
    expect(reader.status.reconnects).to be >= 1
    expect(reader.status.relists).to eq relists
    expect_copy_of(etcd, reader, known)
  end

  it "catches up on everything that happened while it was cut off" do
    proxy = start_proxy(etcd)
    etcd.ctl.transaction(*(0...100).map { |n| [:put, "/service/#{n}", "before"] })
    reader = client(proxy, "/service/").tap(&:start)
    known = read_all(reader)
    relists = reader.status.relists

    proxy.refuse
    etcd.ctl.transaction(*(0...50).map { |n| [:del, "/service/#{n}"] },
                         *(50...75).map { |n| [:put, "/service/#{n}", "after"] })
    etcd.ctl.put("/service/new", "after")
    proxy.pass
    wait_until("the last change") { reader["/service/new"] }
    expect_copy_of(etcd, reader, known)
    expect(reader.status.relists).to eq relists # the history was there, so nothing was listed again
  end

  it "lists again if the missed history was compacted, and drops keys deleted meanwhile" do
    proxy = start_proxy(etcd)
    etcd.ctl.transaction(*%w[gone changed same].map { |name| [:put, "/service/#{name}", "1"] })
    reader = client(proxy, "/service/").tap(&:start)
    known = read_all(reader)
    relists = reader.status.relists

    proxy.refuse
    etcd.ctl.delete("/service/gone")
    etcd.ctl.put("/service/changed", "2")
    etcd.ctl.compact(etcd.ctl.put("/service/new", "1"))
    expect(reader["/service/gone"]).to eq "1" # the last known value
    proxy.pass

    wait_until("the end of the deleted key") { reader["/service/gone"].nil? }
    expect_copy_of(etcd, reader, known)
    etcd.ctl.put("/service/changed", "3")
    expect_soon("a change after it") { reader["/service/changed"] == "3" }
    expect(reader.status.relists).to eq relists + 1
  end

  it "shows the current content when etcd comes back without its data" do
    12.times { |n| etcd.ctl.put("/service/#{n}", "before") }
    reader = client(etcd, "/service/").tap(&:start)
    known = read_all(reader)

    etcd.kill9
    etcd.start_empty
    etcd.ctl.put("/service/other", "after")
    wait_until("the other content") { reader["/service/other"] }
    expect_copy_of(etcd, reader, known)
    etcd.ctl.put("/service/other", "later")
    expect_soon("a change after it") { reader["/service/other"] == "later" }
  end

  it "notices a connection that died silently, and finds another member" do
    proxy = start_proxy(etcd)
    reader = client(proxy, "/service/").tap(&:start)
    proxy.strand
    etcd.ctl.put("/service/b", "after")
    expect_soon("the value over a new connection", timeout: 90) { reader["/service/b"] == "after" }
  end

  it "is stale while etcd hangs, keeps answering, and is fresh when etcd continues" do
    etcd.ctl.put("/service/b", "before")
    reader = client(etcd, "/service/", max_staleness: 3, progress_interval: 0.5).tap(&:start)
    etcd.pause
    wait_until("stale", timeout: 60) { reader.stale? && !reader.healthy? }
    expect(reader["/service/b"]).to eq "before"
    expect(reader.status.age).to be >= 3

    etcd.continue
    wait_until("fresh", timeout: 60) { !reader.stale? && reader.healthy? }
    etcd.ctl.put("/service/b", "after")
    wait_until("the new value") { reader["/service/b"] == "after" }
  end

  it "stays fresh while etcd is there, even when nothing changes" do
    reader = client(etcd, "/service/", max_staleness: 5, progress_interval: 0.5).tap(&:start)
    ages = []
    # Twice the limit: without contact with etcd the age would certainly exceed it.
    wait_until("twice the limit to pass") do
      ages << reader.status.age
      expect(reader).not_to be_stale
      Harness.now > (@start ||= Harness.now) + 10
    end
    expect(ages.max).to be < 5
  end

  it "loses no change when the connection breaks repeatedly" do
    proxy = start_proxy(etcd)
    reader = client(proxy, "/service/").tap(&:start)
    20.times do |n|
      read_all(reader)
      etcd.ctl.put("/service/#{n % 7}", n.to_s)
      etcd.ctl.delete("/service/#{(n + 3) % 7}")
      proxy.cut
    end
    etcd.ctl.put("/service/last", "last")
    wait_until("the last change", timeout: 60) { reader["/service/last"] }
    expect_copy_of(etcd, reader, (0...7).map { |n| "/service/#{n}" })
  end

  it "follows over a slow network" do
    proxy = start_proxy(etcd)
    proxy.delay(0.3)
    proxy.throttle(50_000)
    reader = client(proxy, "/service/", boot_timeout: 60).tap(&:start)
    etcd.ctl.put("/service/b", "x" * 20_000)
    expect_soon("the value") { reader["/service/b"]&.size == 20_000 }
  end
end
