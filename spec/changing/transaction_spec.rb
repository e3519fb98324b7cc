# frozen_string_literal: true

RSpec.describe "EtcdDiscovery.transaction" do
  let(:etcd) { start_etcd }
  let(:writer) { client(etcd, "/") }

  def conflict(writer, &block)
    writer.transaction(&block)
    nil
  rescue EtcdDiscovery::ConflictError => e
    e
  end

  it "writes all keys at one revision" do
    etcd.ctl.put("/old", "x")
    revision = writer.transaction do |t|
      t.put("/a", "1").put("/b\xFF".b, "\x00".b).delete("/old").delete("/none")
    end
    expect(revision).to eq etcd.ctl.current_revision
    expect(etcd.ctl.read_prefix("/")).to eq("/a" => "1", "/b\xFF".b => "\x00".b)
    writer.wait_for_revision(revision, timeout: 10)
    expect(["/a", "/b\xFF".b].map { |key| writer.snapshot.mod_revision(key) }).to eq [revision, revision]
  end

  it "writes if every comparison holds" do
    first = writer.put("/a", "1")
    revision = writer.transaction do |t|
      t.compare("/a", revision: first).compare("/a", value: "1").compare("/b", absent: true)
      t.compare("/a", absent: false).compare("/b", revision: 0).put("/b", "2")
    end
    expect([revision, etcd.ctl.get("/b")]).to eq [first + 1, "2"]
  end

  {
    "a later change" => [[:compare, "/a", { revision: 1 }], %r{"/a" has changed since revision 1}],
    "another value" => [[:compare, "/a", { value: "wrong" }], %r{"/a" does not hold the expected value}],
    "a key that exists" => [[:compare, "/a", { absent: true }], %r{"/a" exists}],
    "a key that does not exist" => [[:compare, "/none", { absent: false }], %r{"/none" does not exist}],
    "an empty value of no key" => [[:compare, "/none", { value: "" }], %r{"/none" does not hold}],
    "a revision of a deleted key" => [[:compare, "/none", { revision: 2 }], /it does not exist now/]
  }.each do |what, ((call, key, condition), message)|
    it "writes nothing if a comparison fails, and names the key: #{what}" do
      now = key == "/a" ? writer.put("/a", "s3cret") : 0
      before = etcd.ctl.current_revision
      error = conflict(writer) do |t|
        t.compare("/b", absent: true).put("/c", "x").delete("/a").public_send(call, key, **condition)
      end
      expect(error).to have_attributes(key:, revision: now,
                                       message: match(message).and(include("nothing was written")))
      expect(error.message).not_to match(/s3cret|wrong/)
      expect(etcd.ctl.current_revision).to eq before
    end
  end

  it "refuses a second write of a key, before anything is sent" do
    expect { writer.transaction { |t| t.put("/a", "1").delete("/a") } }
      .to raise_error(EtcdDiscovery::InvalidRequestError, %r{"/a" twice}) { |error|
            expect(error.key).to eq "/a"
          }
    expect { writer.transaction { |t| t.put("/caf\u00e9", "1").put("/caf\u00e9".b, "2") } }
      .to raise_error(EtcdDiscovery::InvalidRequestError)
    expect(etcd.ctl.current_revision).to eq 1
  end

  it "sends nothing when its block adds nothing, raises or leaves early, and no more later", :misuse do
    away = client("http://127.0.0.1:1", request_timeout: 0.1)
    kept = nil
    expect(away.transaction { |t| kept = t }).to be_nil
    expect { kept.put("/a", "1") }.to raise_error(FrozenError)
    expect { away.transaction { |t| t.put("/a", "1") && raise("no") } }.to raise_error("no")
    expect(away.transaction { |t| t.put("/a", "1") && break }).to be_nil
    expect { away.transaction }.to raise_error(ArgumentError, /block/)
  end

  it "refuses an invalid key, value or condition at the line that has it", :misuse do
    wrong = [-> { _1.put(:a, "1") }, -> { _1.put("/a", 1) }, -> { _1.put("/a", nil) }, -> { _1.delete(nil) },
             -> { _1.compare("/a", revision: "1") }, -> { _1.compare("/a", value: nil) },
             -> { _1.compare("/a", absent: nil) }]
    wrong.each { |call| expect { writer.transaction(&call) }.to raise_error(TypeError) }
    [{}, { revision: 1, value: "x" }, { older: 1 }].each do |condition|
      expect do
        writer.transaction do |t|
          t.compare("/a", **condition)
        end
      end.to raise_error(ArgumentError, /compare takes/)
    end
    expect { writer.put("/a", nil) }.to raise_error(TypeError)
    expect { writer.transaction { |t| t.put("", "x") } }.to raise_error(EtcdDiscovery::InvalidRequestError)
    expect(etcd.ctl.current_revision).to eq 1
  end

  it "raises an error that says so if it is larger than etcd accepts, and writes nothing" do
    small = start_etcd(flags: ["--max-txn-ops=4"])
    writer = client(small)
    expect(writer.transaction { |t| 4.times { |n| t.put("/#{n}", "x") } }).to eq 2
    expect { writer.transaction { |t| 5.times { |n| t.put("/more/#{n}", "x") } } }
      .to raise_error(EtcdDiscovery::InvalidRequestError, %r{5 keys.*"/more/0".*--max-txn-ops})
    expect { writer.transaction { |t| 5.times { |n| t.compare("/#{n}", absent: false) } } }
      .to raise_error(EtcdDiscovery::InvalidRequestError, /--max-txn-ops/)
    expect(small.ctl.current_revision).to eq 2
  end

  it "raises a PermissionError for a key that its user may not write, and writes nothing" do
    root = Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/a/", access: "readwrite")
                             .grant("app", "readwrite", "--prefix=true", "/b/").enforce
    app = client(etcd, user: "app", password: "secret")
    expect(app.transaction do |t|
             t.compare("/b/1", absent: true).put("/a/1", "x").put("/b/1", "x")
           end).to be > 1
    before = root.current_revision
    [->(t) { t.put("/a/1", "y").put("/c/1", "x") }, ->(t) { t.put("/a/1", "y").delete("/c/1") },
     ->(t) { t.put("/a/1", "y").compare("/c/1", absent: true) }].each do |block|
      expect { app.transaction(&block) }
        .to raise_error(EtcdDiscovery::PermissionError, %r{transaction of 2 keys, the first is "/a/1"})
    end
    expect(root.current_revision).to eq before
  end

  it "raises a TimeoutError if etcd does not answer in time: all of it was written, or nothing" do
    proxy = start_proxy(etcd)
    writer = client(proxy, request_timeout: 0.5)
    writer.put("/a/0", "x")
    proxy.blackhole(:down)
    expect { writer.transaction { |t| t.put("/a/1", "x").put("/a/2", "x") } }
      .to raise_error(EtcdDiscovery::TimeoutError, /no answer/)
    expect_soon("what has reached etcd") { etcd.ctl.read_prefix("/a/").size == 3 }
  end

  it "works the same for a client without etcd" do
    file = Tempfile.create(["keys-", ".yml"])
    File.write(file, "/a: '1'\n")
    ["memory", file.path].each do |source|
      reader = EtcdDiscovery::Client.new(source:).start
      first = reader.put("/a", "1")
      expect(reader.transaction do |t|
               t.compare("/a", revision: first).put("/b", "2").delete("/a")
             end).to eq first + 1
      expect([reader["/a"], reader["/b"], reader.snapshot.mod_revision("/b")]).to eq [nil, "2", first + 1]
      error = conflict(reader) { |t| t.compare("/b", value: "3").put("/a", "x") }
      expect(error).to have_attributes(key: "/b", revision: first + 1)
      expect([reader["/a"], reader.transaction { |_| nil }]).to eq [nil, nil]
      expect { reader.transaction { |t| t.put("", "x") } }.to raise_error(EtcdDiscovery::InvalidRequestError)
    end
  ensure
    File.unlink(file) if file
  end

  it "is undone with the stub in a test" do
    EtcdDiscovery::Testing.stub("/a" => "1",
                                client: (app = EtcdDiscovery::Client.new(source: "memory").start)) do
      app.transaction { |t| t.compare("/a", value: "1").put("/a", "2").put("/b", "2") }
      expect([app["/a"], app["/b"]]).to eq %w[2 2]
    end
    expect([app["/a"], app["/b"]]).to eq [nil, nil]
  end
end
