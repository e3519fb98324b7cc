# frozen_string_literal: true

RSpec.describe EtcdDiscovery::Service do
  before(:context) { @etcd = start_etcd }

  before { @etcd.ctl.delete("", "--prefix") }

  let(:reader) { client(@etcd, "/service/").tap(&:start) }
  let(:service) { reader.service("b", eject_after: 2, eject_for: 60) }
  let(:events) { [] }

  def put(id, address = "10.1.1.60:#{id}", **metadata)
    value = metadata.empty? ? address : JSON.generate("Op" => 0, "Addr" => address, "Metadata" => metadata)
    see(@etcd.ctl.put("/service/b/#{id}", value))
  end

  def see(revision) = expect_soon("revision #{revision}") { reader.snapshot.revision >= revision }

  def delete(id) = see(@etcd.ctl.delete("/service/b/#{id}"))

  it "lists its instances in key order, and follows" do
    3.downto(1) { |id| put(id) }
    expect(service.addresses).to eq %w[10.1.1.60:1 10.1.1.60:2 10.1.1.60:3]
    expect(service.instances).to all(be_frozen)
    delete(2)
    expect(service.instances.map(&:id)).to eq %w[1 3]
  end

  it "returns the same list object until one of its own keys changes" do
    put(1)
    before = service.instances
    see(@etcd.ctl.put("/service/other", "x"))
    expect(service.instances).to equal before
    put(2)
    expect(service.instances).not_to equal before
  end

  it "has the plain form's single key as its instance" do
    see(@etcd.ctl.put("/service/a", "10.1.1.60:8081"))
    expect(reader.service("a").instances.map { |one| [one.id, one.host, one.port] })
      .to eq [[nil, "10.1.1.60", 8081]]
  end

  it "skips an instance whose value is bad, and reports it; the others stay" do
    service.on_event { |event| events << event.type }
    put(1)
    put(2, '{"Op":0,"Addr":')
    put(3, '{"Op":0,"Addr":""}')
    put(4, "\xFF\xFE".b)
    expect(service.addresses).to eq ["10.1.1.60:1"]
    expect(service.rejected.keys).to eq %w[/service/b/2 /service/b/3 /service/b/4]
    expect(service.rejected["/service/b/2"]).to eq "not JSON"
    expect_soon("the events") { events == %i[rejected] * 3 }
    put(2)
    expect(service.rejected.keys).to eq %w[/service/b/3 /service/b/4]
  end

  it "picks in turn, at random, by weight and by load, and returns nil without an instance" do
    expect(service.pick).to be_nil
    expect { service.with { nil } }.to raise_error(EtcdDiscovery::NoInstanceError, /b has no instance/)
    put(1, weight: 0)
    put(2, weight: 3)
    put(3, weight: 1)
    expect(Array.new(6) { service.pick.id }.tally).to eq("1" => 2, "2" => 2, "3" => 2)
    expect(Array.new(100) { service.pick(:random).id }.uniq.sort).to eq %w[1 2 3]
    weighted = Array.new(1000) { service.pick(:weighted).id }.tally
    expect(weighted.keys.sort).to eq %w[2 3]
    expect(weighted["2"]).to be > weighted["3"]
    expect { service.pick(:best) }.to raise_error(EtcdDiscovery::ConfigurationError, /:best is not one of/)
  end

  it "gives work to the less loaded one of two" do
    put(1)
    put(2)
    service.with do |busy|
      expect(service.in_flight(busy)).to eq 1
      others = Array.new(20) { service.with(&:id) }
      expect(others.uniq).to eq [(%w[1 2] - [busy.id]).first]
    end
    expect(service.instances.map { |one| service.in_flight(one) }).to eq [0, 0]
  end

  it "ejects an instance that keeps failing, and not because of a break or another's error" do
    put(1)
    put(2)
    bad = service.instances.first
    service.on_event { |event| events << event.type }
    until service.ejected.any?
      begin
        service.with(:round_robin) { |one| raise "down" if one == bad }
      rescue RuntimeError
        nil
      end
    end
    expect(service.ejected).to eq [bad]
    expect(Array.new(10) { service.pick.id }.uniq).to eq ["2"]
    expect_soon("the event") { events == [:ejected] }
    10.times { service.with { break } }
    expect(service.ejected).to eq [bad]
  end

  it "tries an ejected instance again later, and accepts it when it answers" do
    put(1)
    quick = reader.service("b", eject_after: 1, eject_for: 0.05)
    quick.on_event { |event| events << event.type }
    begin
      quick.with { raise "down" }
    rescue RuntimeError
      expect(quick.pick).not_to be_nil # there is no other: a suspicion does not take the service away
    end
    quick.with { |one| one }
    expect_soon("the events") { events == %i[ejected restored] }
    expect(quick.ejected).to be_empty
  end

  it "keeps the last list for a limited time when it becomes empty, and reports it" do
    put(1)
    kept = reader.service("b", keep_last: 5)
    kept.on_event { |event| events << event.type }
    expect(kept.addresses).to eq ["10.1.1.60:1"]
    delete(1)
    expect(kept.addresses).to eq ["10.1.1.60:1"]
    expect(kept.kept?).to be true
    expect(service.addresses).to be_empty
    expect_soon("the end of it", timeout: 60) { kept.addresses.empty? }
    expect_soon("the events") { events == %i[kept released] }
  end

  it "counts correctly when many threads use it at once" do
    5.times { |id| put(id) }
    threads = Array.new(8) { Thread.new { 200.times { service.with { |one| one.address.size } } } }
    threads.each(&:join)
    expect(service.instances.sum { |one| service.in_flight(one) }).to eq 0
  end

  it "refuses a key outside the watched ranges" do
    expect { reader.service("/elsewhere/b").instances }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
  end
end
