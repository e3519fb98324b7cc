# frozen_string_literal: true

RSpec.describe "the past" do
  let(:etcd) { start_etcd }
  let(:reader) { client(etcd, "/shop/") }

  def shown(entries) = entries.map { |entry| [entry.revision, entry.type, entry.value] }

  it "may be read first; the first read of the current state then still starts the client" do
    reader.put("/shop/a", "1") # 2
    expect(reader.at(2)["/shop/a"]).to eq "1"
    expect(reader["/shop/a"]).to eq "1"
  end

  describe "as the history of a key" do
    it "has every change, including deletions, newest first" do
      reader.put("/shop/a", "1") # 2
      reader.put("/shop/other", "x")
      reader.delete("/shop/a") # 4
      reader.put("/shop/a", "2")
      reader.put("/shop/a", "3") # 6
      expect(shown(reader.history("/shop/a")))
        .to eq [[6, :put, "3"], [5, :put, "2"], [4, :delete, nil], [2, :put, "1"]]
      expect(shown(reader.history("/shop/a", limit: 2))).to eq [[6, :put, "3"], [5, :put, "2"]]
      expect(reader.history("/shop/a").first).to have_attributes(key: "/shop/a", by: nil, at: nil, note: nil)
      reader.delete("/shop/a")
      expect(shown(reader.history("/shop/a", limit: 2))).to eq [[7, :delete, nil], [6, :put, "3"]]
      expect(reader.history("/shop/none")).to eq []
    end

    it "goes back to the oldest revision that etcd still has" do
      3.times { |n| reader.put("/shop/a", n.to_s) } # 2..4
      reader.put("/shop/b", "x") # 5
      reader.put("/shop/a", "3") # 6
      etcd.ctl.compact(5)
      expect(shown(reader.history("/shop/a"))).to eq [[6, :put, "3"], [4, :put, "2"]]
      expect(shown(reader.history("/shop/b"))).to eq [[5, :put, "x"]]
      reader.delete("/shop/a") # 7
      expect(shown(reader.history("/shop/a"))).to eq [[7, :delete, nil], [6, :put, "3"], [4, :put, "2"]]
      etcd.ctl.compact(7)
      expect(reader.history("/shop/a")).to eq []
    end

    it "is complete for thousands of changes, and bounded by its limit" do
      2_500.times.each_slice(100) do |numbers|
        numbers.each { |n| reader.put("/shop/a", n.to_s) }
      end
      entries = reader.history("/shop/a", limit: 5_000)
      expect(entries.map(&:value)).to eq Array.new(2_500) { |n| (2_499 - n).to_s }
      expect(reader.history("/shop/a").map(&:value)).to eq entries.first(100).map(&:value)
    end

    it "says who, when and why if the change log knows" do
      writer = client(etcd, change_log: "/shop/changes/")
      etcd.ctl.put("/shop/a", "0")
      writer.put("/shop/a", "1", by: "ann", note: "sale starts")
      writer.transaction(by: "bob") { |t| t.delete("/shop/a").put("/shop/b", "x") }
      entries = writer.history("/shop/a")
      expect(entries.map { |entry| [entry.revision, entry.by, entry.note, entry.action] })
        .to eq [[4, "bob", nil, "transaction"], [3, "ann", "sale starts", "put"], [2, nil, nil, nil]]
      expect(entries.first.at).to be_within(120).of(Time.now)
      expect(entries[1].inspect).to include("ann").and(satisfy { |text| !text.include?('"1"') })
      expect(JSON.parse(entries[1].to_json)).to include("by" => "ann", "revision" => 3)
    end

    it "keeps compacted changes that the log has, with their values if it holds them" do
      plain = client(etcd, change_log: "/shop/changes/")
      full = client(etcd, change_log: "/shop/changes/", change_log_values: true)
      plain.put("/shop/a", "1", by: "ann")
      full.put("/shop/a", "2", by: "bob")
      plain.put("/shop/a", "3", by: "cid")
      etcd.ctl.compact(4)
      expect(plain.history("/shop/a").map { |entry| [entry.revision, entry.value, entry.by] })
        .to eq [[4, "3", "cid"], [3, "2", "bob"], [2, nil, "ann"]]
    end

    it "needs only the permission to read the key" do
      root = Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/shop/").grant("app", "read",
                                                                                       "/one").enforce
      root.put("/shop/a", "1")
      root.put("/one", "1")
      root.delete("/one")
      app = client(etcd, "/shop/", user: "app", password: "secret", change_log: "/log/")
      expect(shown(app.history("/shop/a"))).to eq [[2, :put, "1"]]
      expect(shown(app.history("/one"))).to eq [[4, :delete, nil], [3, :put, "1"]]
      expect { app.history("/other") }.to raise_error(EtcdDiscovery::PermissionError, %r{history of "/other"})
    end

    it "survives invalid entries in the log" do
      writer = client(etcd, change_log: "/log/")
      writer.put("/shop/a", "1", by: "ann")
      ["", "{", "[]", "5", '{"keys":5}', '{"keys":[{"key":"/shop/a"}],"at":"now"}',
       "\xFF"].each_with_index do |text, n|
        etcd.ctl.put("/log/#{n}", text.b)
      end
      expect(writer.history("/shop/a").map(&:by)).to eq ["ann"]
    end

    it "ends in time when etcd does not answer" do
      proxy = start_proxy(etcd)
      away = client(proxy, request_timeout: 0.5)
      away.put("/shop/a", "1")
      proxy.blackhole(:down)
      expect { away.history("/shop/a") }.to raise_error(EtcdDiscovery::TimeoutError)
    end
  end

  describe "as a snapshot" do
    it "has all watched keys as they were at one revision" do
      etcd.ctl.transaction([:put, "/shop/a", "1"], [:put, "/shop/b", "[1]"])
      etcd.ctl.transaction([:put, "/shop/a", "2"], [:del, "/shop/b"], [:put, "/shop/c", "3"])
      past = reader.at(2)
      expect(past).to be_a(EtcdDiscovery::Snapshot).and have_attributes(revision: 2, size: 2)
      expect([past["/shop/a"], past.json("/shop/b"), past["/shop/c"], past.mod_revision("/shop/a")])
        .to eq ["1", [1], nil, 2]
      expect(past.prefix("/shop/").to_h).to eq("/shop/a" => "1", "/shop/b" => "[1]")
      expect { past["/other"] }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
      expect(reader.at(3).to_h).to eq("/shop/a" => "2", "/shop/c" => "3")
    end

    it "works for more keys than a page, and for values that exceed a message together" do
      3.times do |n|
        etcd.ctl.transaction(*Array.new(1_00) do |k|
                               [:put, format("/shop/%d/%03d", n, k), "x" * 9_000]
                             end)
      end
      80.times { |n| reader.put("/shop/large/#{n}", "y" * 1_000_000) }
      revision = etcd.ctl.current_revision
      etcd.ctl.run("del", "--prefix", "/shop/")
      past = reader.at(revision)
      expect([past.size, past["/shop/large/79"].size, past["/shop/2/099"].size]).to eq [380, 1_000_000, 9_000]
    end

    it "raises a CompactedError that names the oldest revision if the revision is compacted" do
      5.times { |n| reader.put("/shop/a", n.to_s) }
      etcd.ctl.compact(4)
      [-> { reader.at(3) }, -> { reader.diff(from: 2) }, lambda {
                                                           reader.rollback("/shop/", to: 3)
                                                         }].each do |call|
        expect(&call).to raise_error(EtcdDiscovery::CompactedError,
                                     /oldest revision available is 4/) { |error|
                           expect(error.revision).to eq 4
                         }
      end
      expect(reader.at(4)["/shop/a"]).to eq "2"
      expect { reader.at(99) }.to raise_error(EtcdDiscovery::InvalidRequestError, /future/)
    end

    it "covers the prefixes that the user may read, and needs nothing outside of them" do
      root = Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/a/", access: "readwrite")
                               .grant("app", "readwrite", "--prefix=true", "/c/").enforce
      %w[/a/1 /b/1 /c/1].each { |key| root.put(key, "old") }
      before = root.current_revision
      %w[/a/1 /b/1 /c/1].each { |key| root.put(key, "new") }
      app = client(etcd, "/a/", "/c/", user: "app", password: "secret")
      expect(app.at(before).to_h).to eq("/a/1" => "old", "/c/1" => "old")
      expect(app.diff(from: before).map(&:key)).to eq %w[/a/1 /c/1]
      app.rollback("/a/", to: before)
      expect([root.get("/a/1"), root.get("/c/1")]).to eq %w[old new]
      expect { app.rollback("/b/", to: before) }.to raise_error(EtcdDiscovery::PermissionError)
      root.compact(before + 1)
      expect { app.at(before) }.to raise_error(EtcdDiscovery::CompactedError, /is #{before + 1}\z/)
    end
  end

  it "is shown as a difference with what was added, changed and deleted, and both values" do
    etcd.ctl.transaction([:put, "/shop/a", "1"], [:put, "/shop/b", "1"], [:put, "/shop/same", "1"])
    etcd.ctl.transaction([:put, "/shop/a", "2"], [:del, "/shop/b"], [:put, "/shop/c", "3"],
                         [:put, "/shop/same", "1"])
    etcd.ctl.put("/elsewhere", "x")
    differences = [["/shop/a", :put, "1", "2"], ["/shop/b", :delete, "1", nil], ["/shop/c", :put, nil, "3"]]
    [[nil, { from: 2 }], ["/shop/", { from: 2, to: 3 }]].each do |target, range|
      found = reader.diff(target, **range).map { |one| [one.key, one.type, one.before, one.after] }
      expect(found).to eq differences
    end
    expect(reader.diff("/shop/a", from: 3, to: 2).map(&:after)).to eq ["1"]
    expect(reader.diff("/elsewhere", from: 2).map(&:key)).to eq ["/elsewhere"]
    expect { client(etcd).diff(from: 2) }.to raise_error(ArgumentError, /watches nothing/)
  end

  describe "restored by a rollback" do
    let(:writer) { client(etcd, "/shop/", change_log: "/log/") }

    before do
      etcd.ctl.transaction([:put, "/shop/a", "1"], [:put, "/shop/b", "1"], [:put, "/shop/same", "1"])
      etcd.ctl.transaction([:put, "/shop/a", "2"], [:del, "/shop/b"], [:put, "/shop/c", "3"])
    end

    it "is one transaction with only what differs" do
      revision = writer.rollback("/shop/", to: 2, by: "ann", note: "sale is over")
      expect(revision).to eq(etcd.ctl.current_revision).and eq 4
      expect(etcd.ctl.read_prefix("/shop/")).to eq("/shop/a" => "1", "/shop/b" => "1", "/shop/same" => "1")
      expect(writer.history("/shop/same").size).to eq 1
      expect(writer.history("/shop/a").first).to have_attributes(by: "ann", note: "sale is over",
                                                                 action: "rollback")
      expect(writer.rollback("/shop/", to: 2)).to be_nil
      expect(etcd.ctl.current_revision).to eq revision
    end

    it "restores only one key if one is named" do
      writer.rollback("/shop/a", to: 2)
      expect(etcd.ctl.read_prefix("/shop/")).to eq("/shop/a" => "1", "/shop/c" => "3", "/shop/same" => "1")
      writer.rollback("/shop/a", to: 1)
      expect(etcd.ctl.get("/shop/a")).to be_nil
    end

    it "writes nothing if someone changes one of the keys meanwhile" do
      allow(writer).to receive(:write).and_wrap_original do |original, *arguments, **options|
        etcd.ctl.put("/shop/c", "4")
        original.call(*arguments, **options)
      end
      expect { writer.rollback("/shop/", to: 2) }.to raise_error(EtcdDiscovery::ConflictError) { |error|
        expect([error.key, error.revision]).to eq ["/shop/c", 4]
      }
      expect(etcd.ctl.read_prefix("/shop/")).to include("/shop/a" => "2", "/shop/c" => "4")
      expect(etcd.ctl.current_revision).to eq 4
    end

    it "leaves keys under a lease alone" do
      lease = etcd.ctl.run("lease", "grant", "600")[/lease (\w+)/, 1]
      etcd.ctl.put("/shop/service", "10.0.0.1:80", "--lease=#{lease}")
      announced = etcd.ctl.current_revision
      writer.rollback("/shop/", to: 2)
      expect(etcd.ctl.get("/shop/service")).to eq "10.0.0.1:80"
      etcd.ctl.revoke(lease.to_i(16))
      writer.rollback("/shop/", to: announced)
      expect(etcd.ctl.get("/shop/service")).to be_nil
    end

    it "leaves the change log and the fleet under the prefix alone" do
      writer = client(etcd, "/shop/", change_log: "/shop/changes/", fleet: "/shop/fleet/")
      before = writer.put("/shop/a", "3")
      writer.put("/shop/a", "4")
      etcd.ctl.put("/shop/fleet/note", "1")
      [nil, "/shop/"].each do |target|
        expect(writer.diff(target, from: before).map(&:key)).to eq ["/shop/a"]
      end
      expect(writer.rollback("/shop/", to: before)).to eq etcd.ctl.current_revision
      expect(etcd.ctl.read_prefix("/shop/")).to include("/shop/a" => "3", "/shop/fleet/note" => "1")
      expect(etcd.ctl.read_prefix("/shop/changes/").size).to eq 3
    end

    it "writes nothing if it exceeds a transaction" do
      small = start_etcd(flags: ["--max-txn-ops=4"])
      writer = client(small)
      10.times { |n| writer.put("/shop/#{n}", "x") }
      expect { writer.rollback("/shop/", to: 2) }
        .to raise_error(EtcdDiscovery::InvalidRequestError, /rollback of 9 keys.*--max-txn-ops/)
      expect(small.ctl.current_revision).to eq 11
    end
  end

  it "refuses numbers that no revision can have, instead of failing on the way to etcd" do
    etcd.ctl.put("/shop/a", "1")
    [2**63, 2**64, -1].each do |number|
      [-> { reader.at(number) }, -> { reader.rollback("/shop/", to: number) },
       -> { reader.diff("/shop/", from: number) }, -> { reader.diff("/shop/", from: 1, to: number) },
       -> { reader.history("/shop/a", limit: number) },
       -> { reader.put("/shop/a", "2", if_revision: number) },
       -> { reader.delete("/shop/a", if_revision: number) },
       -> { reader.wait_for_revision(number, timeout: 1) },
       lambda {
         reader.transaction { |t| t.compare("/shop/a", revision: number).put("/shop/a", "2") }
       }].each do |call|
        expect(&call).to raise_error(ArgumentError, /expected .*below 2\*\*63, got #{number}\z/)
      end
    end
    expect { reader.put("/shop/a", "2", if_revision: "2") }.to raise_error(ArgumentError, /if_revision/)
    expect(reader.history("/shop/a", limit: (2**63) - 1).size).to eq 1
    expect(reader.put("/shop/a", "2", if_revision: (2**63) - 1)).to be_nil
    expect(etcd.ctl.get("/shop/a")).to eq "1"
  end

  it "has only the current state for a client without etcd, and says so" do
    app = EtcdDiscovery::Client.new(source: "memory").start
    app.put("/a", "1")
    now = app.put("/a", "2")
    expect(app.at(now)["/a"]).to eq "2"
    expect(shown(app.history("/a"))).to eq [[now, :put, "2"]]
    expect { app.at(now - 1) }.to raise_error(EtcdDiscovery::CompactedError, /without etcd/) { |error|
      expect(error.revision).to eq now
    }
  end
end
