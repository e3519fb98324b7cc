# frozen_string_literal: true

require_relative "../support/sleeping_machine"

RSpec.describe "a machine that is suspended and wakes up" do
  let(:etcd) { start_etcd }
  let(:machine) { Harness::SleepingMachine.new }

  before do
    reason = Harness::SleepingMachine.missing
    skip reason if reason
  end

  def process(code) = ruby_process(code, etcd, env: machine.env)

  it "finds its data as old and as stale as it is, at once, and reports when the last error happened" do
    etcd.ctl.put("/a/1", "one")
    reader = process(<<~'RUBY')
      connect "/a/", backoff_cap: 0.2
      report EtcdDiscovery.status.age
      hear
      wait_until("a connection after the loss of one") { EtcdDiscovery.status.then { _1.reconnects > 0 && !_1.stale? } }
      report EtcdDiscovery.status.last_error_at.to_f
      hear
      report EtcdDiscovery.status.then { [_1.stale?, _1.age, _1.last_error_at.to_f, EtcdDiscovery.healthy?] }
    RUBY
    expect(reader.heard).to be < 10
    etcd.kill9
    etcd.start
    reader.tell
    failed_at = reader.heard
    etcd.pause
    machine.suspend(reader, 11) { reader.tell }
    stale, age, last_error_at, healthy = reader.heard
    expect([stale, healthy]).to eq [true, false]
    expect(age).to be_between(10.5, 60)
    expect(last_error_at).to be_within(0.5).of(failed_at)
  end

  it "notifies subscribers that the data is stale, before a timer that stood still would" do
    reader = process(<<~'RUBY')
      events = Thread::Queue.new
      configure "/a/", max_staleness: 20
      EtcdDiscovery.subscribe(:stale) { |event| events << event[:age] }
      EtcdDiscovery.start
      report "following"
      hear
      woken = now
      age = events.pop
      report [age, now - woken]
    RUBY
    reader.heard
    etcd.pause
    machine.suspend(reader, 21) { reader.tell }
    age, after = reader.heard
    expect(age).to be >= 20
    expect(after).to be < 12
  end

  it "knows that it lost a registration whose lease expired meanwhile, and registers it again" do
    owner = process(<<~'RUBY')
      connect "/service/", request_timeout: 20
      events = Thread::Queue.new
      EtcdDiscovery.subscribe(:registration) { |event| events << event[:state] }
      registration = EtcdDiscovery.register("b", "10.1.1.60:8081", id: "one", ttl: 2).wait(timeout: 30)
      report [registration.state, EtcdDiscovery.healthy?]
      hear
      woken = now
      report [registration.state, EtcdDiscovery.healthy?]
      report [events.pop, events.pop, now - woken]
      wait_until("the registration") { registration.state == :registered }
      report registration.lease
      hear
    RUBY
    expect(owner.heard).to eq ["registered", true]
    machine.suspend(owner, 4) do
      expect_soon("the key to run out") { etcd.ctl.get("/service/b/one").nil? }
      etcd.pause
      owner.tell
    end
    expect(owner.heard).to eq ["lost", false]
    *states, after = owner.heard
    expect(states).to eq %w[registered lost]
    # Long before a request from before the suspension fails.
    expect(after).to be < 10
    etcd.continue
    expect(owner.heard).to eq etcd.ctl.lease_of("/service/b/one")
  end

  it "continues the ages of Ruby's part, and not the waits of callers" do
    sleeper = process(<<~'RUBY')
      before = [EtcdDiscovery::Clock.now, EtcdDiscovery::Client.now]
      report "ready"
      hear
      report [EtcdDiscovery::Clock.now, EtcdDiscovery::Client.now].zip(before).map { _1 - _2 }
    RUBY
    sleeper.heard
    machine.suspend(sleeper, 3) { sleeper.tell }
    age, wait = sleeper.heard
    expect(age).to be >= 3
    expect(wait).to be_within(1.5).of(age - 3)
  end
end
