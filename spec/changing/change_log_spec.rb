# frozen_string_literal: true

require "json"

RSpec.describe "the change log" do
  let(:etcd) { start_etcd }
  let(:log) { "/shop/changes/" }
  let(:writer) { client(etcd, change_log: log) }

  # `[entry, revision]` pairs, read with etcdctl.
  def logged(ctl = etcd.ctl)
    kvs = JSON.parse(ctl.run("get", "--prefix", "--write-out=json", "--", log))["kvs"] || []
    kvs.map { |kv| [JSON.parse(kv["value"].unpack1("m")), kv["mod_revision"]] }
  end

  it "gets one entry for each write of any kind, at the same revision" do
    writes = [
      writer.put("/shop/a", "1", by: "ann", note: "sale"), writer.put("/shop/a", "2", if_revision: 2),
      writer.compare_and_set("/shop/a", "2", "3", by: "ann"), writer.delete("/shop/a", note: "over"),
      writer.transaction(by: "bob") do |t|
        t.put("/shop/a", "4").put("/shop/b", "5").compare("/shop/b", absent: true)
      end
    ]
    expect(writes).to eq [2, 3, 4, 5, 6]
    entries = logged
    expect(entries.map(&:last)).to eq writes
    expect(entries.map { |entry,| entry["action"] }).to eq %w[put put compare_and_set delete transaction]
    expect(entries.first.first).to include("by" => "ann", "note" => "sale",
                                           "keys" => [{ "key" => "/shop/a", "type" => "put", "before" => 0 }])
    expect(Time.iso8601(entries.first.first["at"])).to be_within(120).of(Time.now)
    expect(entries.map do |entry,|
             entry["keys"].map do |key|
               key["before"]
             end
           end).to eq [[0], [2], [3], [4], [0, 0]]
    expect(entries.map { |entry,| entry["keys"].last["type"] }).to eq %w[put put put delete put]
    expect(entries[1].first["by"]).to match(/\A\S+@\S+\z/)
  end

  it "gets no entry for a write that failed, or that changed nothing" do
    writer.put("/shop/a", "1")
    before = etcd.ctl.current_revision
    expect(writer.put("/shop/a", "2", if_revision: 1)).to be_nil
    expect(writer.compare_and_set("/shop/a", "no", "2")).to be_nil
    expect { writer.transaction { |t| t.compare("/shop/a", absent: true).put("/shop/b", "2") } }
      .to raise_error(EtcdDiscovery::ConflictError) { |error| expect(error.key).to eq "/shop/a" }
    writer.delete("/shop/none")
    writer.transaction { |t| t.compare("/shop/a", value: "1") }
    expect([etcd.ctl.current_revision, logged.size]).to eq [before, 1]
  end

  it "holds values only if configured to" do
    writer.put("/shop/a", "s3cret")
    client(etcd, change_log: log, change_log_values: true).transaction { |t| t.put("/shop/\xFF".b, "\xFE".b) }
    expect(logged.map { |entry,| entry["keys"].first })
      .to eq [{ "key" => "/shop/a", "type" => "put", "before" => 0 },
              { "key_base64" => ["/shop/\xFF"].pack("m0"), "type" => "put", "before" => 0,
                "value_base64" => ["\xFE"].pack("m0") }]
  end

  it "keeps only the newest entries" do
    30.times { |n| writer.put("/shop/a", n.to_s) }
    etcd.ctl.put("/shop/changed", "no part of the log")
    short = client(etcd, change_log: log, change_log_keep: 3)
    revisions = Array.new(6) { |n| short.put("/shop/b", n.to_s) }
    expect(logged.map(&:last)).to eq revisions.last(3)
    expect(etcd.ctl.get("/shop/changed")).to eq "no part of the log"
    one = client(etcd, change_log: log, change_log_keep: 1)
    expect(Array.new(2) { one.put("/shop/c", "x") }.last(1)).to eq logged.map(&:last)
  end

  it "records the right previous revision even while others write the same key" do
    others = Thread.new { 60.times { |n| etcd.ctl.put("/shop/a", n.to_s) } }
    writers = Array.new(3) { Thread.new { 10.times { client(etcd, change_log: log).put("/shop/a", "x") } } }
    [others, *writers].each(&:join)
    before = logged.map { |entry, revision| [revision, entry["keys"].first["before"]] }
    expect(before.size).to eq 30
    before.each do |revision, claimed|
      kvs = JSON.parse(etcd.ctl.run("get", "--write-out=json", "--rev=#{revision - 1}", "/shop/a"))["kvs"]
      expect(claimed).to eq(kvs ? kvs.first["mod_revision"] : 0)
    end
  end

  it "fails the write with a clear error if the user may not read or write the log, and writes nothing" do
    users = Harness::EtcdUsers.new(etcd)
    %w[none read write].each do |name|
      users.add(name, "secret", prefix: "/shop/limits/", access: "readwrite")
      users.grant(name, name, "--prefix=true", log) unless name == "none"
    end
    users.add("all", "secret", prefix: "/shop/limits/", access: "readwrite")
    root = users.grant("all", "readwrite", "--prefix=true", log).enforce
    before = root.current_revision
    %w[none read write].each do |user|
      writer = client(etcd, user:, password: "secret", change_log: log)
      expect { writer.put("/shop/limits/a", "1") }
        .to raise_error(EtcdDiscovery::PermissionError,
                        %r{change log /shop/changes/ a user must.*nothing was written})
    end
    expect([root.current_revision, logged(root)]).to eq [before, []]
    client(etcd, user: "all", password: "secret", change_log: log).put("/shop/limits/a", "1")
    expect(logged(root).size).to eq 1
  end

  it "accepts nothing but entries through the gem" do
    expect { writer.transaction { |t| t.put("/shop/a", "1").put("#{log}1", "forged") } }
      .to raise_error(EtcdDiscovery::InvalidRequestError, /belongs to the change log/)
    expect { writer.delete(log) }.to raise_error(EtcdDiscovery::InvalidRequestError)
    expect(etcd.ctl.current_revision).to eq 1
  end

  it "uses two of the operations that etcd accepts" do
    small = start_etcd(flags: ["--max-txn-ops=8"])
    writer = client(small, change_log: log)
    expect(writer.transaction { |t| 7.times { |n| t.put("/#{n}", "x") } }).to eq 2
    expect { writer.transaction { |t| 8.times { |n| t.put("/#{n}", "x") } } }
      .to raise_error(EtcdDiscovery::InvalidRequestError, /--max-txn-ops/)
    expect(small.ctl.current_revision).to eq 2
  end

  it "is written also for a transaction with more keys than one request reads" do
    large = start_etcd(flags: ["--max-txn-ops=1000"])
    writer = client(large, change_log: log)
    2.times { |round| writer.transaction { |t| 250.times { |n| t.put("/k/#{n}", round.to_s) } } }
    expect(logged(large.ctl).last.first["keys"].map do |key|
             key["before"]
           end).to all(eq(2)).and have_attributes(size: 250)
  end

  it "also works without etcd" do
    app = EtcdDiscovery::Client.new(source: "memory", change_log: log, change_log_keep: 2).start
    4.times { |n| app.put("/shop/a", n.to_s, by: "ann") }
    entries = app.snapshot.prefix(log).to_h.values.map { |json| JSON.parse(json) }
    expect(entries.map { |entry| entry["by"] }).to eq %w[ann ann]
  end

  it "is configured by a prefix and a number of entries" do
    expect { client(etcd, change_log: "/shop/changes") }
      .to raise_error(EtcdDiscovery::ConfigurationError, /change_log.*ends in a slash/)
    [0, -1, "many", 1.5].each do |keep|
      expect do
        client(etcd, change_log_keep: keep)
      end.to raise_error(EtcdDiscovery::ConfigurationError, /at least 1/)
    end
    env = { "ETCDDISCOVERY_CHANGE_LOG" => log, "ETCDDISCOVERY_CHANGE_LOG_KEEP" => "5" }
    config = EtcdDiscovery::Configuration.new(env:)
    expect([config.change_log, config.change_log_keep, config.change_log_values]).to eq [log, 5, false]
  end
end
