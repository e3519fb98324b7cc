# frozen_string_literal: true

RSpec.describe "A name in layers" do
  let(:etcd) { start_etcd }
  let(:layers) { %w[/shop/overrides/ /shop/hosts/a/ /shop/] }
  let(:reader) { client(etcd, layers:).start }

  def put(key, value) = reader.wait_for_revision(etcd.ctl.put(key, value), timeout: 10)

  def delete(key) = reader.wait_for_revision(etcd.ctl.delete(key), timeout: 10)

  # What a subscriber receives: key, value, previous value and layer.
  def received_by(target, **options)
    received = Queue.new
    reader.on_change(target, **options) do |change|
      received << [change.key, change.value, change.previous, change.layer]
    end
    received
  end

  it "is the value of the first layer that has it, even if that is empty" do
    expect(reader["limit"]).to be_nil
    put("/shop/limit", "50")
    expect(reader["limit"]).to eq "50"
    put("/shop/overrides/limit", "")
    expect([reader["limit"], reader["/shop/limit"], reader.fetch("limit", "1")]).to eq ["", "50", ""]
    put("/shop/hosts/a/limit", "7")
    expect(reader["limit"]).to eq ""
    delete("/shop/overrides/limit")
    expect([reader["limit"], reader.integer("limit"), reader.key?("limit")]).to eq ["7", 7, true]
    delete("/shop/hosts/a/limit")
    delete("/shop/limit")
    expect([reader["limit"], reader.integer("limit", 3), reader.key?("limit")]).to eq [nil, 3, false]
    expect { reader.fetch("limit") }.to raise_error(KeyError)
  end

  it "is the same object until its effective value changes" do
    put("/shop/hosts/a/tiers", '{"gold":1}')
    values = -> { [reader["tiers"], reader.json("tiers")] }
    before = values.call
    put("/shop/tiers", '{"gold":2}')
    expect(values.call).to match [be(before[0]), be(before[1])]
    delete("/shop/hosts/a/tiers")
    expect(values.call).to eq ['{"gold":2}', { "gold" => 2 }]
  end

  it "has a name for each layer that its key is in, where one layer is inside another" do
    put("/shop/hosts/a/limit", "7")
    expect(["hosts/a/limit", "limit"].map { |name| reader[name] }).to eq %w[7 7]
    put("/shop/overrides/hosts/a/limit", "8")
    expect(["hosts/a/limit", "limit", "overrides/hosts/a/limit"].map { |name| reader[name] }).to eq %w[8 7 8]
  end

  it "keeps the last good value while the one in force is bad" do
    put("/shop/limit", "50")
    expect(reader.integer("limit")).to eq 50
    put("/shop/overrides/limit", "many")
    expect([reader.integer("limit"), reader["limit"]]).to eq [50, "many"]
    expect(reader.status.invalid_keys).to eq ["/shop/overrides/limit"]
    put("/shop/limit", "60")
    expect(reader.integer("limit")).to eq 50
    delete("/shop/overrides/limit")
    expect([reader.integer("limit"), reader.status.invalid_keys]).to eq [60, []]
  end

  it "is a plain key without layers" do
    etcd.ctl.put("limit", "5")
    plain = client(etcd, "limit", "/shop/").start
    expect([plain["limit"], plain.snapshot.layered.to_h]).to eq ["5", { "limit" => "5" }]
    expect { plain["other"] }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
    expect { plain.explain("limit") }.to raise_error(EtcdDiscovery::ConfigurationError, /layers: none/)
    expect { plain.override("limit", "1") }.to raise_error(EtcdDiscovery::ConfigurationError, /layers: none/)
    expect(EtcdDiscovery::Configuration.new(layers: "/a/, /b/").layers).to eq %w[/a/ /b/]
    expect(EtcdDiscovery::Configuration.new(layers: "/a/").layers).to eq %w[/a/]
  end

  describe "in a snapshot" do
    before do
      put("/shop/checkout/limit", "50")
      put("/shop/checkout/tiers", "2")
      put("/shop/overrides/checkout/limit", "10")
    end

    it "is listed with its effective value" do
      layered = reader.snapshot.layered
      names = { "checkout/limit" => "10", "checkout/tiers" => "2" }
      expect(layered.prefix("checkout/").to_h).to eq names
      expect(reader.snapshot.prefix("checkout/").to_h).to eq names
      expect(layered.keys).to eq ["checkout/limit", "checkout/tiers", "overrides/checkout/limit"]
      expect([layered["checkout/limit"], layered.integer("checkout/tiers"), layered.size]).to eq ["10", 2, 3]
      expect(layered.mod_revision("checkout/limit")).to eq etcd.ctl.current_revision
      expect(reader.snapshot.keys).to include "/shop/checkout/limit"
      expect { layered.prefix("checkout/")["search/limit"] }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
      expect { reader.snapshot.prefix("/shop/").layered }.to raise_error(ArgumentError, /may lack layers/)
    end

    it "stays as it is in a pin, and in the past" do
      revision = reader.snapshot.revision
      reader.pin do
        expect(reader["checkout/limit"]).to eq "10"
        delete("/shop/overrides/checkout/limit")
        expect([reader["checkout/limit"], reader.explain("checkout/limit").value]).to eq %w[10 10]
      end
      expect(reader["checkout/limit"]).to eq "50"
      expect(reader.at(revision)["checkout/limit"]).to eq "10"
    end

    it "is explained layer by layer" do
      explanation = reader.explain("checkout/limit")
      expect(explanation.map { |part| [part.layer, part.value, part.wins?] })
        .to eq [["/shop/overrides/", "10", true], ["/shop/hosts/a/", nil, false], ["/shop/", "50", false]]
      expect(explanation).to have_attributes(layer: "/shop/overrides/", value: "10")
      expect(explanation.winner).to have_attributes(key: "/shop/overrides/checkout/limit", temporary?: false,
                                                    revision: etcd.ctl.current_revision)
      expect("#{explanation.inspect}#{explanation.to_json}").not_to include('"10"')
      expect { reader.explain("/shop/checkout/limit") }.to raise_error(ArgumentError, /not a name/)
    end
  end

  describe "for a subscriber" do
    it "is a change only where the effective value changes, and the change names the layer" do
      put("/shop/limit", "50")
      received = received_by("limit")
      put("/shop/overrides/limit", "10")
      expect(received.pop).to eq ["limit", "10", "50", "/shop/overrides/"]
      put("/shop/limit", "60")
      put("/shop/hosts/a/limit", "7")
      delete("/shop/overrides/limit")
      expect(received.pop).to eq ["limit", "7", "10", "/shop/hosts/a/"]
      delete("/shop/hosts/a/limit")
      expect(received.pop).to eq ["limit", "60", "7", "/shop/"]
      delete("/shop/limit")
      expect(received.pop).to eq ["limit", nil, "60", "/shop/"]
      expect(received).to be_empty
    end

    it "is found by a prefix of names, and by the key itself" do
      put("/shop/checkout/limit", "50")
      names = received_by("checkout/", initial: true)
      keys = received_by("/shop/")
      expect(names.pop).to eq ["checkout/limit", "50", nil, "/shop/"]
      put("/shop/overrides/checkout/limit", "10")
      expect(names.pop).to eq ["checkout/limit", "10", "50", "/shop/overrides/"]
      expect(keys.pop).to eq ["/shop/overrides/checkout/limit", "10", nil, nil]
      put("/shop/search/limit", "1")
      expect(keys.pop).to eq ["/shop/search/limit", "1", nil, nil]
      expect([names, keys]).to all(be_empty)
    end

    it "has a revision later than the last delivered one, even when an older value is uncovered" do
      revisions = Queue.new
      put("/shop/limit", "50")
      reader.on_change("limit") { |change| revisions << change.revision }
      first = put("/shop/overrides/limit", "10")
      expect(revisions.pop).to eq first
      expect(delete("/shop/overrides/limit")).to eq revisions.pop
    end

    it "is what a wait waits for" do
      waiter = Thread.new { reader.wait_for("limit", timeout: 10) }
      put("/shop/hosts/a/limit", "7")
      expect(waiter.value).to eq "7"
      waiter = Thread.new { reader.wait_for("limit", timeout: 10) { |value| value == "50" } }
      put("/shop/limit", "50")
      delete("/shop/hosts/a/limit")
      expect(waiter.value).to eq "50"
    end
  end

  it "is refused where a whole key is needed: which layer it should change, no one can guess" do
    [
      -> { reader.put("limit", "1") }, -> { reader.delete("limit") },
      -> { reader.compare_and_set("limit", nil, "1") },
      -> { reader.transaction { |t| t.compare("limit", absent: true).put("/shop/limit", "1") } },
      -> { reader.history("limit") }, -> { reader.diff("checkout/", from: 1) },
      -> { reader.rollback("limit", to: 1) }
    ].each do |call|
      expect(&call).to raise_error(EtcdDiscovery::InvalidRequestError,
                                   %r{a name in the layers.*"/shop/(limit|checkout/)"})
    end
    expect(etcd.ctl.read_prefix("")).to eq({})
  end

  it "is read in a forked child, and after a second configuration, as in the first process" do
    parent = ruby_process(<<~'RUBY', etcd)
      configure(layers: %w[/shop/overrides/ /shop/])
      EtcdDiscovery.put("/shop/limit", "50")
      EtcdDiscovery.wait_for("limit", timeout: 10)
      received = Queue.new
      EtcdDiscovery.on_change("limit") { |change| received << [change.value, change.layer] }
      in_child do
        EtcdDiscovery.override("limit", "10", for: 60)
        EtcdDiscovery.wait_for("limit", timeout: 10) { |now| now == "10" }
        report [received.pop, EtcdDiscovery.integer("limit")]
      end
      report received.pop
      configure(layers: %w[/shop/])
      report [received.pop, EtcdDiscovery["limit"]]
    RUBY
    expect(parent.heard).to eq [["10", "/shop/overrides/"], 10]
    expect(parent.heard).to eq ["10", "/shop/overrides/"]
    expect(parent.heard).to eq [["50", "/shop/"], "50"]
  end
end
