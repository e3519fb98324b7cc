# frozen_string_literal: true

Harness::Flippers.load

RSpec.describe EtcdDiscovery::Flipper do
  let(:etcd) { start_etcd }
  # The client sends no requests by itself.
  let(:quiet) { { audit_interval: 0, progress_interval: 3_600, max_staleness: 7_200 } }
  let(:watching) { client(etcd, "/flipper/", **quiet).start }
  let(:adapter) { described_class.new(client: watching) }
  let(:flags) { Flipper.new(adapter) }
  let(:actor) { Flipper::Actor.new("User;1") }

  def revision = etcd.ctl.current_revision

  # The number of reads and writes that etcd received.
  def requests
    %w[Range Txn Put DeleteRange].sum do |name|
      etcd.metric(%(grpc_server_started_total{grpc_method="#{name}"))
    end
  end

  def put(value)
    watching.wait_for_revision(watching.put("/flipper/search", value), timeout: 10)
  end

  if Harness::Flippers.part?("flipper/spec/shared_adapter_specs")
    describe "Flipper's own examples for adapters" do
      subject { described_class.new(client: watching) }

      it_behaves_like "a flipper adapter"
    end
  end

  if Harness::Flippers.part?("flipper/api") && Harness::Flippers.part?("rack/mock")
    it "works under Flipper's API" do
      api = Rack::MockRequest.new(Flipper::Api.app(flags))
      added = api.post("/features", params: { name: "search" })
      api.post("/features/search/actors", params: { flipper_id: "User;1" })
      expect([added.status, api.get("/features/search").body]).to match [200, /User;1/]
      expect(flags.enabled?(:search, actor)).to be true
      expect(api.delete("/features/search").status).to eq 204
      expect(flags.features).to be_empty
    end
  end

  if Harness::Flippers.part?("flipper/ui") && Harness::Flippers.part?("rack/session/cookie")
    it "works under Flipper's UI" do
      session = Rack::Session::Cookie.new(Flipper::UI.app(flags), secret: "s" * 64)
      browser = Rack::MockRequest.new(session)
      page = browser.get("/features/new")
      form = { authenticity_token: page.body[/name="authenticity_token" value="([^"]+)"/, 1] }
      cookie = { "HTTP_COOKIE" => page["Set-Cookie"].to_s[/\A[^;]+/] }
      browser.post("/features", params: { **form, value: "search" }, **cookie)
      browser.post("/features/search/boolean", params: { **form, action: "Enable" }, **cookie)
      expect(browser.get("/features", **cookie).body).to include "search"
      expect(flags.enabled?(:search)).to be true
    end
  end

  if Harness::Flippers.part?("flipper/cli")
    it "works under Flipper's command line" do
      process = ruby_process(<<~RUBY, etcd)
        #{Harness::Flippers.prelude}
        require "bundler"
        require "bundler/vendored_thor"
        require "flipper/cli"
        connect "/flipper/"
        Flipper.configure { |config| config.adapter { EtcdDiscovery::Flipper.new } }
        ENV["FLIPPER_REQUIRE"] = $LOADED_FEATURES.grep(%r{/etcd_discovery/version.rb}).first
        Flipper::CLI.run(%w[enable search --actor User;1])
        report EtcdDiscovery.json("/flipper/search")
      RUBY
      expect(process.heard).to eq(actors: ["User;1"])
    end
  end

  it "makes no request for 100,000 checks" do
    flags[:search].enable_actor(actor)
    flags[:search].enable_percentage_of_actors(25)
    expect_soon("the watch") { watching.status.state == :watching }
    before = requests
    checks = Array.new(50_000) { [flags.enabled?(:search, actor), flags.enabled?(:other)] }.flatten
    expect(requests).to eq before
    expect(checks.tally).to eq(true => 50_000, false => 50_000)
  end

  it "writes a change of a feature in one transaction, with one request" do
    flags[:search].add
    gate = flags[:search].gate(:actor)
    before = [revision, requests]
    adapter.enable(flags[:search], gate, gate.wrap(actor))
    after = [requests, revision]
    expect([after.last - before.first, after.first - before.last]).to eq [1, 1]
  end

  it "is visible to a reading process as soon as etcd has sent the change" do
    reader = ruby_process(<<~RUBY, etcd)
      #{Harness::Flippers.prelude}
      connect "/flipper/"
      flags = Flipper.new(EtcdDiscovery::Flipper.new)
      report flags.enabled?(:search)
      wait_until("the flag") { flags.enabled?(:search) }
      report flags[:search].state
      wait_until("its end") { flags.features.empty? }
      report flags.enabled?(:search)
    RUBY
    expect(reader.heard).to be false
    flags.enable(:search)
    expect(reader.heard).to eq "on"
    flags.remove(:search)
    expect(reader.heard).to be false
  end

  it "loses no write of processes that change one feature at the same time" do
    writers = Array.new(4) do |number|
      ruby_process(<<~RUBY, etcd)
        #{Harness::Flippers.prelude}
        connect "/flipper/"
        feature = Flipper.new(EtcdDiscovery::Flipper.new)[:search]
        feature.add
        report :ready
        hear
        20.times { |turn| feature.enable_actor(Flipper::Actor.new("#{number}-\#{turn}")) }
        report :done
      RUBY
    end
    writers.each { |writer| expect(writer.heard).to eq "ready" }
    writers.each(&:tell)
    writers.each { |writer| expect(writer.heard).to eq "done" }
    expected = Array.new(4) { |number| Array.new(20) { |turn| "#{number}-#{turn}" } }.flatten
    expect_soon("all actors") { flags[:search].actors_value == expected.to_set }
  end

  it "serves the last good value of a feature, and reports the bad one" do
    flags[:search].enable_actor(actor)
    expect(flags.enabled?(:search, actor)).to be true
    events = []
    watching.subscribe(:invalid_value) { |event| events << event[:problem] }
    ["no JSON", "[1]", '{"actors":5}', '{"boolean":true}'].each do |bad|
      put(bad)
      expect(flags.enabled?(:search, actor)).to be true
    end
    expect_soon("four reports") { events.size == 4 }
    expect(events.last(2)).to eq ['has something unexpected for the gate "actors"',
                                  'has something unexpected for the gate "boolean"']
    flags[:search].enable_group(:admins)
    expect(etcd.ctl.get("/flipper/search")).to eq '{"groups":["admins"]}'
  end

  it "keeps data that another version of Flipper has written" do
    put('{"actors":["User;2"],"schedule":{"from":"2030-01-01"}}')
    flags[:search].enable_actor(actor)
    expect(JSON.parse(etcd.ctl.get("/flipper/search")))
      .to eq("actors" => ["User;2", "User;1"], "schedule" => { "from" => "2030-01-01" })
  end

  it "closes every gate while there is no first snapshot, and does not wait again" do
    etcd.stop
    flags = Flipper.new(described_class.new(client: client(etcd, "/flipper/", boot_timeout: 0.2)))
    expect(flags.enabled?(:search)).to be false
    expect { flags.features }.to raise_error EtcdDiscovery::ConnectionError
    expect { flags.enable(:search) }.to raise_error EtcdDiscovery::ConnectionError
  end

  it "keeps the last state while etcd is away" do
    flags.enable(:search)
    etcd.stop
    expect(flags.enabled?(:search)).to be true
    expect { flags.disable(:search) }.to raise_error EtcdDiscovery::ConnectionError
    expect(flags.enabled?(:search)).to be true
  end

  it "says which prefix is not watched" do
    flags = Flipper.new(described_class.new(prefix: "/elsewhere/", client: watching))
    expect { flags.enabled?(:search) }.to raise_error EtcdDiscovery::UnwatchedKeyError, %r{/elsewhere/search}
    expect { described_class.new(prefix: "/flipper") }
      .to raise_error EtcdDiscovery::ConfigurationError, /ends in a slash/
  end

  it "records the author in the change log" do
    writer = client(etcd, "/flipper/", change_log: "/changes/").start
    who = "ann"
    flags = Flipper.new(described_class.new(client: writer, by: -> { who }))
    flags.enable(:search)
    who = "ben"
    flags.disable(:search)
    expect(writer.history("/flipper/search").map(&:by)).to eq %w[ben ann ann]
  end

  it "imports all features in one transaction, also while others write" do
    source = Flipper.new(Flipper::Adapters::Memory.new)
    50.times { |number| source["feature #{number}"].enable_percentage_of_actors(number) }
    flags[:gone].enable
    before = revision
    adapter.import(source.adapter)
    expect(revision - before).to eq 1
    expect(flags.features.map(&:key).to_set).to eq source.features.map(&:key).to_set
    expect(adapter.get_all["feature 7"]).to eq source.adapter.get_all["feature 7"]
  end

  it "imports in one transaction without Flipper's memoizer, whatever the version of Flipper" do
    source = Flipper.new(Flipper::Adapters::Memory.new)
    20.times { |number| source.enable("feature #{number}") }
    flags[:gone].enable
    before = revision
    Flipper.new(adapter, memoize: false).import(source)
    expect(revision - before).to eq 1
    expect(flags.features.map(&:key).to_set).to eq source.features.map(&:key).to_set
    expect(flags.enabled?("feature 7")).to be true
  end

  it "returns copies that an application may change, and gates that it may not" do
    flags[:search].enable_actor(actor)
    adapter.get_all.fetch("search")[:actors] << "User;2"
    expect(flags.enabled?(:search, Flipper::Actor.new("User;2"))).to be false
    expect(adapter.get(flags[:search])).to be_frozen
    expect(adapter.get(flags[:search])).to equal adapter.get(flags[:search])
  end

  it "works without etcd: in memory, and with the stubs of an application's tests" do
    flags = Flipper.new(described_class.new(client: client(etcd, "/flipper/", source: "memory")))
    flags[:search].enable_actor(actor)
    flags.enable(:other)
    expect([flags.enabled?(:search, actor), flags.enabled?(:search), flags.enabled?(:other)])
      .to eq [true, false, true]
    process = ruby_process(<<~RUBY, etcd)
      #{Harness::Flippers.prelude}
      configure "/flipper/"
      flags = Flipper.new(EtcdDiscovery::Flipper.new)
      EtcdDiscovery::Testing.stub("/flipper/search" => '{"boolean":"true"}') { report flags.enabled?(:search) }
      report flags.enabled?(:search)
    RUBY
    expect([process.heard, process.heard]).to eq [true, false]
  end

  it "writes on top of the current state within a pin" do
    flags[:search].enable_actor(actor)
    watching.pin do
      watching["/flipper/search"]
      client(etcd).put("/flipper/search", '{"groups":["admins"]}')
      flags[:search].enable_actor(actor)
    end
    expect(flags[:search].groups_value).to eq Set["admins"]
  end
end
