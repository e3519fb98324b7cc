# frozen_string_literal: true

require "securerandom"

RSpec.describe "a process that watches etcd" do
  before(:context) { @etcd = start_etcd }

  let(:etcd) { @etcd }
  let(:prefix) { "/#{SecureRandom.hex(4)}/" }
  let(:key) { "#{prefix}b" }
  let(:reader) { client(etcd, prefix).tap(&:start) }

  it "reads keys that existed before it started" do
    etcd.ctl.put(key, "10.1.1.60:8081")
    expect(reader[key]).to eq "10.1.1.60:8081"
  end

  it "starts by itself at the first read" do
    etcd.ctl.put(key, "10.1.1.60:8081")
    expect(client(etcd, prefix)[key]).to eq "10.1.1.60:8081"
  end

  it "sees what others add, change and delete, without asking" do
    expect(reader[key]).to be_nil
    etcd.ctl.put(key, "one")
    wait_until("the new key") { reader[key] == "one" }
    etcd.ctl.put(key, "two")
    wait_until("the changed value") { reader[key] == "two" }
    etcd.ctl.delete(key)
    wait_until("the end of the key") { reader[key].nil? && !reader.key?(key) }
  end

  it "returns a frozen string, the same object until the value changes" do
    etcd.ctl.put(key, "one")
    first = reader[key]
    expect(first).to be_frozen
    expect(reader[key]).to equal first
    etcd.ctl.put("#{prefix}other", "two")
    wait_until("the other key") { reader["#{prefix}other"] }
    expect(reader[key]).to equal first
  end

  it "fetches like a Hash: the value, otherwise the default, the block, or KeyError" do
    etcd.ctl.put(key, "one")
    absent = "#{prefix}absent"
    expect(reader.fetch(key, "default")).to eq "one"
    expect(reader.fetch(absent, "default")).to eq "default"
    expect(reader.fetch(absent) { |name| "block for #{name}" }).to eq "block for #{absent}"
    expect { reader.fetch(absent) }.to raise_error(KeyError, /#{absent}/)
  end

  it "refuses a key outside the watched ranges, instead of reporting it as missing" do
    etcd.ctl.put("/elsewhere", "there")
    expect { reader["/elsewhere"] }.to raise_error(EtcdDiscovery::UnwatchedKeyError, %r{/elsewhere})
    expect { reader.key?("/elsewhere") }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
  end

  it "watches an exact key, and no key that only starts with it" do
    etcd.ctl.put(key, "one")
    etcd.ctl.put("#{key}2", "neighbour")
    exact = client(etcd, key)
    expect(exact[key]).to eq "one"
    expect(exact.snapshot.to_h).to eq(key => "one")
    expect { exact["#{key}2"] }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
  end

  it "watches several prefixes and exact keys at once, including overlapping ones" do
    several = client(etcd, prefix, "#{prefix}deep/", "/single/#{key}").tap(&:start)
    [key, "#{prefix}deep/a", "/single/#{key}"].each_with_index { |name, n| etcd.ctl.put(name, n.to_s) }
    wait_until("all three") { several.snapshot.size == 3 }
    expect(several.snapshot.to_h).to eq(key => "0", "#{prefix}deep/a" => "1", "/single/#{key}" => "2")
  end

  it "writes, and returns the revision" do
    expect(reader.put(key, "one")).to eq etcd.ctl.current_revision
    expect(etcd.ctl.get(key)).to eq "one"
    expect(reader.delete(key)).to eq etcd.ctl.current_revision
    expect(etcd.ctl.get(key)).to be_nil
  end

  it "returns snapshots that never change" do
    revision = etcd.ctl.put(key, "one")
    before = reader.snapshot
    etcd.ctl.put(key, "two")
    etcd.ctl.put("#{prefix}other", "new")
    wait_until("both changes") { reader.snapshot.size == 2 }
    expect(before.to_h).to eq(key => "one")
    expect(before.revision).to be >= revision
    expect(reader.snapshot.revision).to be > before.revision
  end

  it "is ready, healthy and fresh once it has started, and not before" do
    fresh = client(etcd, prefix)
    expect(fresh).not_to be_ready
    expect(fresh).not_to be_healthy
    fresh.start
    expect(fresh).to be_ready
    expect(fresh).to be_healthy
    expect(fresh).not_to be_stale
  end

  it "can be started and stopped twice, and started again" do
    etcd.ctl.put(key, "one")
    2.times { reader.start }
    2.times { reader.stop }
    reader.start
    etcd.ctl.put(key, "two")
    expect_soon("the value after the second start") { reader[key] == "two" }
  end
end
