# frozen_string_literal: true

RSpec.describe "An override" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/shop/limit", "50") } }
  let(:layers) { %w[/shop/overrides/ /shop/] }
  let(:key) { "/shop/overrides/limit" }
  let(:writer) { client(etcd, layers:).start }

  # Values and leases, as etcd has them.
  def left_in_etcd = [etcd.ctl.read_prefix("/shop/overrides/"), etcd.ctl.leases]

  def declare(client, &body)
    Class.new(EtcdDiscovery::Settings) do
      define_singleton_method(:client) { client }
      prefix "checkout/"
      class_eval(&body)
    end
  end

  it "is in force until its lease ends, and then etcd deletes it with all that it has" do
    received = Queue.new
    writer.on_change("limit") { |change| received << [change.value, change.layer] }
    started = Harness.now
    writer.override("limit", "10", for: 2)
    expect(received.pop).to eq ["10", "/shop/overrides/"]
    expect(received.pop).to eq ["50", "/shop/"]
    expect(Harness.now - started).to be >= 2
    expect([writer["limit"], *left_in_etcd]).to eq ["50", {}, []]
  end

  it "ends even if its process was killed, and even if no process is left" do
    started = Harness.now
    maker = ruby_process(<<~'RUBY', etcd)
      configure(layers: %w[/shop/overrides/ /shop/])
      report EtcdDiscovery.override("limit", "10", for: 3)
      hear
    RUBY
    revision = maker.heard
    Process.kill(:KILL, maker.pid)
    expect(etcd.ctl.run("get", key, "--rev=#{revision}", "--print-value-only").strip).to eq "10"
    expect_soon("the end of the override") { etcd.ctl.get(key).nil? }
    expect(Harness.now - started).to be >= 3
    expect(etcd.ctl.leases).to eq []
  end

  it "is ended before its time by a release, which leaves neither the key nor its lease" do
    expect(writer.release("limit")).to be_nil
    writer.override("limit", "10")
    revision = writer.release("limit")
    writer.wait_for_revision(revision, timeout: 10)
    expect([writer["limit"], *left_in_etcd]).to eq ["50", {}, []]
    expect(writer.release("limit")).to be_nil
  end

  it "replaces the override before it, for the new time" do
    writer.override("limit", "10", for: 60)
    writer.wait_for_revision(writer.override("limit", "20", for: 600), timeout: 10)
    expect([writer["limit"], writer.explain("limit").winner.temporary?]).to eq ["20", true]
    expect([etcd.ctl.get(key), etcd.ctl.leases.size]).to eq ["20", 1]
    expect(etcd.ctl.granted_ttl(etcd.ctl.lease_of(key))).to eq 600
  end

  it "of another tool is released too, and keeps the keys that share its lease" do
    lease = etcd.ctl.run("lease", "grant", "600")[/lease (\w+)/, 1]
    [key, "/shop/overrides/other"].each { |one| etcd.ctl.put(one, "10", "--lease=#{lease}") }
    writer.release("limit")
    expect(etcd.ctl.read_prefix("/shop/overrides/")).to eq("/shop/overrides/other" => "10")
    writer.override("other", "11")
    expect(etcd.ctl.leases.size).to eq 1
    expect(etcd.ctl.lease_of("/shop/overrides/other").to_s(16)).not_to eq lease
  end

  it "does not replace a value without a lease, which its end would take along" do
    etcd.ctl.put(key, "permanent")
    %w[override release].each do |call|
      expect { writer.public_send(call, "limit", *("10" if call == "override")) }
        .to raise_error(EtcdDiscovery::InvalidRequestError, /value without a lease/) { |e|
              expect(e.key).to eq key
            }
    end
    expect([etcd.ctl.get(key), etcd.ctl.leases]).to eq ["permanent", []]
  end

  it "leaves no lease behind when etcd does not take its value" do
    expect { writer.override("limit", "x" * 3_000_000) }.to raise_error(EtcdDiscovery::InvalidRequestError)
    expect(left_in_etcd).to eq [{}, []]
  end

  it "with if_revision replaces or ends only what the caller has seen" do
    first = writer.override("limit", "10", if_revision: 0)
    expect { writer.override("limit", "20", if_revision: 0) }
      .to raise_error(EtcdDiscovery::ConflictError, /exists: its last change is of revision #{first}/) { |e|
            expect([e.key, e.revision]).to eq [key, first]
          }
    second = writer.override("limit", "20", if_revision: first)
    expect { writer.release("limit", if_revision: first) }
      .to raise_error(EtcdDiscovery::ConflictError, /changed since revision #{first}.*nothing was written/)
    expect([etcd.ctl.get(key), etcd.ctl.leases.size]).to eq ["20", 1]
    expect(writer.release("limit", if_revision: second)).to be > second
    expect { writer.release("limit", if_revision: second) }
      .to raise_error(EtcdDiscovery::ConflictError, /does not exist now/)
    expect([writer.release("limit", if_revision: 0), *left_in_etcd]).to eq [nil, {}, []]
    expect { writer.override("limit", "1", if_revision: -1) }.to raise_error(ArgumentError, /if_revision: /)
  end

  it "with if_revision loses to a write that comes between its look and its transaction" do
    others = client(etcd, layers:)
    allow(writer).to receive(:native_grant).and_wrap_original do |grant, *arguments|
      others.override("limit", "theirs", for: 500)
      grant.call(*arguments)
    end
    expect { writer.override("limit", "ours", if_revision: 0) }.to raise_error(EtcdDiscovery::ConflictError)
    expect([etcd.ctl.get(key), etcd.ctl.leases.size]).to eq ["theirs", 1]
    expect(etcd.ctl.granted_ttl(etcd.ctl.lease_of(key))).to eq 500

    allow(writer).to receive(:write!).and_wrap_original do |write, *arguments, **why|
      others.override("limit", "theirs too", for: 500)
      write.call(*arguments, **why)
    end
    expect { writer.release("limit", if_revision: etcd.ctl.mod_revision_of(key)) }
      .to raise_error(EtcdDiscovery::ConflictError)
    expect([etcd.ctl.get(key), etcd.ctl.leases.size]).to eq ["theirs too", 1]
  end

  it "needs a name, a time and a text" do
    ["/shop/limit", "", :limit, nil].each do |name|
      expect { writer.override(name, "1") }.to raise_error(name.is_a?(String) ? ArgumentError : TypeError)
    end
    [0, -1, "soon", nil, Float::NAN, Float::INFINITY, 10_000_000_000].each do |length|
      expect do
        writer.override("limit", "1", for: length)
      end.to raise_error(ArgumentError, /for: expected a number/)
    end
    expect { writer.override("limit", 1) }.to raise_error(TypeError)
    expect(left_in_etcd).to eq [{}, []]
  end

  it "of a declared setting takes what its field takes, and nothing else is sent" do
    settings = declare(writer) { field :limit, type: :integer, default: 100, in: 1..1_000 }
    [0, "0", "many", "1.5", nil].each do |value|
      expect { writer.override("checkout/limit", value) }
        .to raise_error(EtcdDiscovery::InvalidValueError,
                        /limit is (not an integer|not in 1\.\.1000).*nothing was written/)
    end
    expect(left_in_etcd).to eq [{}, []]
    writer.wait_for_revision(writer.override("checkout/limit", 50), timeout: 10)
    expect(settings.limit).to eq 50
    writer.wait_for_revision(writer.override("checkout/limit", "60"), timeout: 10)
    expect(settings.limit).to eq 60
  end

  it "of a setting that is declared by its whole key takes what that takes, too" do
    writer = self.writer
    settings = Class.new(EtcdDiscovery::Settings) do
      define_singleton_method(:client) { writer }
      prefix "/shop/set/"
      field :n, type: :integer, default: 1, in: 1..10
    end
    ["99", 99, "many"].each do |value|
      expect { writer.override("set/n", value) }
        .to raise_error(EtcdDiscovery::InvalidValueError, /nothing was written/)
    end
    expect(left_in_etcd).to eq [{}, []]
    writer.override("set/n", 9)
    expect([etcd.ctl.get("/shop/overrides/set/n"), settings.n]).to eq ["9", 1]
    check = EtcdDiscovery::Settings::TextCheck
    expect([check.field("set/n", layers), check.field("/shop/set/n", layers), check.field("set/n")])
      .to eq [settings.fields.first, settings.fields.first, nil]
  end

  it "has an entry in the change log, which stays when the override ends" do
    logged = client(etcd, layers:, change_log: "/log/")
    logged.override("limit", "10", by: "ann", note: "slow database")
    logged.release("limit", by: "bob")
    entries = logged.history(key)
    expect(entries.map { |one| [one.type, one.action, one.by, one.note] })
      .to eq [[:delete, "release", "bob", nil], [:put, "override", "ann", "slow database"]]
    expect(etcd.ctl.read_prefix("/log/").size).to eq 2
    expect(etcd.ctl.read_prefix("/log/").keys.map { |one| etcd.ctl.lease_of(one) }).to eq [0, 0]
  end

  it "fails at once with an error of the connection while etcd is away" do
    etcd.close
    expect { client(etcd, layers:, request_timeout: 0.3, connect_timeout: 0.3).override("limit", "10") }
      .to raise_error(EtcdDiscovery::ConnectionError)
  end
end
