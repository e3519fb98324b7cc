# frozen_string_literal: true

RSpec.describe "data that etcd sends in large messages" do
  let(:etcd) { start_etcd(flags: %w[--max-txn-ops=200000 --max-request-bytes=100000000]) }
  let(:proxy) { start_proxy(etcd) }

  # etcdctl sends at most 2 MiB.
  def fill(prefix, count, bytes, at_once: 1_900_000 / bytes)
    numbers = (0...count).each_slice(at_once)
    numbers.each { |slice| etcd.ctl.transaction(*slice.map { |n| [:put, "#{prefix}#{n}", "x" * bytes] }) }
  end

  # Keys as long as those of a service registry.
  def long_keys(count) = fill("/m/#{'k' * 50}", count, 20, at_once: 20_000)

  def follow(at, *prefixes, keys:)
    client(at, *prefixes, boot_timeout: 30).tap do |reader|
      reader.start
      expect(reader.snapshot.size).to eq keys
    end
  end

  def expect_empty(reader)
    expect_soon("the deletion to be seen", timeout: 15) { reader.snapshot.size.zero? }
    expect(reader.status.reconnects).to be <= 1
  end

  it "shows a deletion of 40,000 keys at once" do
    long_keys(40_000)
    reader = follow(etcd, "/m/", keys: 40_000)
    etcd.ctl.run("del", "--prefix", "/m/")
    expect_empty(reader)
    expect(reader.status.relists).to eq 0
  end

  it "shows a missed deletion of 100,000 keys, and never marks the old copy fresh" do
    long_keys(100_000)
    reader = follow(proxy, "/m/", "/other/", keys: 100_000)
    proxy.refuse
    etcd.ctl.run("del", "--prefix", "/m/")
    deleted = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    proxy.pass
    ages = []
    expect_soon("the deletion to be seen", timeout: 30) do
      status = reader.status
      elapsed = Process.clock_gettime(Process::CLOCK_MONOTONIC) - deleted
      gone = reader.snapshot.size.zero?
      ages << [status.age, elapsed] if !gone && status.age && status.age < elapsed - 0.1
      gone
    end
    expect(ages).to eq []
  end

  it "shows that a lease with 40,000 keys has ended" do
    lease = etcd.ctl.run("lease", "grant", "600")[/lease (\h+)/, 1]
    (0...40_000).each_slice(20_000) do |slice|
      puts = slice.map { |n| "put --lease=#{lease} \"/m/#{'k' * 50}#{n}\" \"up\"" }
      etcd.ctl.run("txn", stdin: "\n#{puts.join("\n")}\n\n\n")
    end
    reader = follow(etcd, "/m/", keys: 40_000)
    etcd.ctl.run("lease", "revoke", lease)
    expect_empty(reader)
  end

  it "shows a deletion whose keys alone exceed the message size" do
    writer = client(etcd)
    100.times { |n| writer.put("/m/#{'k' * 700_000}#{n}", "up") }
    reader = follow(etcd, "/m/", keys: 100)
    etcd.ctl.run("del", "--prefix", "/m/")
    expect_soon("the deletion to be seen", timeout: 15) { reader.snapshot.size.zero? }
    # In fragments, or listed, because etcd sends some messages whole even then.
    expect(reader.status.relists).to be <= 1
    expect(reader.status.last_error.message).to match(/one message is too large.* 7\d{7} bytes/)
  end

  it "loads more bytes under one prefix than a message may hold, and again after a compaction" do
    fill("/docs/", 4_000, 20_000)
    reader = follow(proxy, "/docs/", keys: 4_000)
    proxy.refuse
    etcd.ctl.compact(etcd.ctl.put("/docs/0", "new"))
    proxy.pass
    expect_soon("the change to be seen", timeout: 20) { reader["/docs/0"] == "new" }
    expect(reader.status.relists).to eq 1
  end

  it "loads single values far above etcd's own limit" do
    writer = client(etcd, request_timeout: 20)
    3.times { |n| writer.put("/docs/#{n}", n.to_s * 30_000_000) }
    reader = follow(etcd, "/docs/", keys: 3)
    expect(reader["/docs/2"].bytesize).to eq 30_000_000
  end

  it "loads over a slow network as long as bytes arrive" do
    fill("/c/", 2_500, 4_000)
    proxy.throttle(1_000_000)
    reader = follow(proxy, "/c/", keys: 2_500)
    expect(reader.status.reconnects).to eq 0
  end
end
