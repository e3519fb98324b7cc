# frozen_string_literal: true

require "logger"

RSpec.describe "a subscriber of events" do
  let(:etcd) { start_etcd }
  let(:proxy) { start_proxy(etcd) }
  let(:received) { Queue.new }
  let(:log) { Queue.new }
  let(:logger) { Logger.new(StringIO.new, formatter: ->(level, _, _, line) { log << [level, line] }) }

  def next_of(queue)
    wait_until("an event") { !queue.empty? }
    queue.pop
  end

  # Every event in these specs must have exactly the documented payload.
  def next_event
    next_of(received).tap do |event|
      expect(event.payload.keys).to match_array EtcdDiscovery::EventType[event.name].payload.keys
    end
  end

  def next_named(name)
    loop do
      event = next_event
      return event if event.name == name
    end
  end

  def next_line(text)
    line = nil
    line = next_of(log).last until line&.include?(text)
    line
  end

  def observed(*names, at: proxy, **settings)
    client(at, "/a/", **settings).tap { |reader| reader.subscribe(*names) { |event| received << event } }
  end

  it "that exists before the start receives the first connection, with the member and its version" do
    etcd.ctl.put("/a/x", "1")
    reader = observed(:connect, at: etcd).start
    event = next_event
    expect(event).to have_attributes(name: :connect, client: reader, time: be_within(60).of(Time.now))
    expect(event.payload).to include(endpoint: etcd.endpoint, server_version: /\A\d+\.\d+\.\d+/, keys: 1,
                                     inherited: false, after: 0.0)
    expect(event[:revision]).to be_positive
  end

  it "receives a loss once, with what is still served, and the return, with how long it took" do
    etcd.ctl.put("/a/x", "1")
    observed(:connect, :disconnect, :reconnect, backoff_cap: 0.1).start
    expect(next_event.name).to be :connect
    began = Harness.now
    proxy.refuse
    lost = next_event
    expect(lost).to have_attributes(name: :disconnect, payload: include(endpoint: proxy.endpoint, keys: 1))
    expect(lost[:error]).to be_a(EtcdDiscovery::Error)
    # Many attempts fail meanwhile; none of them is reported.
    wait_until("the refusals") { lost.client.status.last_error.message.include?("refused") }
    proxy.pass
    back = next_event
    expect(back).to have_attributes(name: :reconnect, payload: include(endpoint: proxy.endpoint, count: 1))
    expect(back[:after]).to be_positive.and be < Harness.now - began
  end

  it "also receives `disconnect` if etcd is away at the start, and then `connect`" do
    proxy.refuse
    reader = observed(:disconnect, :connect, :reconnect)
    expect { reader.start(timeout: 0.1) }.to raise_error(EtcdDiscovery::ConnectionError)
    expect(next_event).to have_attributes(name: :disconnect, payload: include(endpoint: nil, revision: 0))
    proxy.pass
    expect(next_event).to have_attributes(name: :connect, payload: include(after: be_positive))
  end

  it "receives that the data becomes stale and then that it is fresh again, in this order" do
    observed(:stale, :fresh, max_staleness: 1, progress_interval: 0.2).start
    etcd.pause
    stale = next_event
    expect(stale).to have_attributes(name: :stale, payload: include(max_staleness: 1.0))
    expect(stale[:age]).to be > 1
    etcd.continue
    fresh = next_event
    expect(fresh.name).to be :fresh
    expect(fresh[:age]).to be < 1
    expect(fresh[:after]).to be_positive
  end

  it "also receives stale data if etcd never confirmed any" do
    proxy.refuse
    reader = observed(:stale, max_staleness: 0.3)
    expect { reader.start(timeout: 0.01) }.to raise_error(EtcdDiscovery::ConnectionError)
    expect(next_event.payload).to include(revision: 0, keys: 0, error: be_a(EtcdDiscovery::Error))
  end

  it "receives that everything was listed again if the missed history was compacted" do
    etcd.ctl.put("/a/x", "1")
    reader = observed(:relist, :reset).start
    proxy.refuse
    wait_until("the loss") { reader.status.state == :backoff }
    etcd.ctl.compact(etcd.ctl.put("/a/y", "2"))
    proxy.pass
    expect(next_event).to have_attributes(name: :relist, payload: include(count: 1, keys: 2))
    expect(received).to be_empty
  end

  it "receives that the history is a different one when etcd comes back without its data" do
    3.times { etcd.ctl.put("/a/x", "1") }
    observed(:relist, :reset, at: etcd).start
    etcd.kill9
    etcd.start_empty
    expect([next_event, next_event].map(&:name)).to eq %i[reset relist]
  end

  it "receives once that etcd refuses this user, and the first connection when that is corrected" do
    root = Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/elsewhere/").enforce
    reader = observed(:denied, :disconnect, :connect, at: etcd, user: "app", password: "secret")
    expect { reader.start }.to raise_error(EtcdDiscovery::PermissionError)
    expect(next_event).to have_attributes(name: :denied,
                                          payload: include(error: be_a(EtcdDiscovery::PermissionError)))
    root.run("role", "grant-permission", "app-role", "read", "--prefix=true", "/a/")
    expect(next_event.name).to be :connect
  end

  it "receives each state of a registration, including its loss when its lease was revoked" do
    reader = observed(:registration, at: etcd).start
    registration = reader.register("/a/service", "10.1.1.60:8081", id: "w", ttl: 10).wait(timeout: 30)
    expect(next_event.payload).to include(key: "/a/service/w", address: "10.1.1.60:8081", error: nil,
                                          previous: :registering, state: :registered,
                                          lease: registration.lease)
    etcd.ctl.run("lease", "revoke", registration.lease.to_s(16))
    lost = next_event.payload
    expect(lost).to include(state: :lost, previous: :registered, error: be_a(EtcdDiscovery::Error))
    expect(next_event.payload).to include(state: :registered, previous: :lost, error: nil,
                                          lease: registration.lease)
    registration.deregister
    expect(next_event.payload).to include(key: "/a/service/w", state: :deregistered, previous: :registered)
  end

  it "receives each bad value that a typed read found once" do
    etcd.ctl.put("/a/x", "one")
    reader = observed(:invalid_value, at: etcd).start
    3.times { expect(reader.integer("/a/x", 0)).to eq 0 }
    expect(next_event.payload).to include(key: "/a/x", problem: "is not an integer")
    revision = etcd.ctl.put("/a/x", "two")
    reader.wait_for_revision(revision, timeout: 30)
    3.times { reader.integer("/a/x", 0) }
    expect(next_event[:revision]).to eq revision
    expect(received).to be_empty
  end

  it "receives each change, with the values only in the Change, also if it subscribed before the start" do
    etcd.ctl.put("/a/x", "1")
    reader = observed(:change, at: etcd).start
    reader.subscribe(:change) { |event| log << event }
    revision = etcd.ctl.put("/a/x", "a password")
    event = next_event
    expect(event.payload).to include(key: "/a/x", type: :put, revision:)
    expect(event[:change]).to have_attributes(value: "a password", previous: "1")
    expect(event.inspect).not_to include("a password")
    expect(next_of(log)[:revision]).to eq revision
  end

  it "of all events receives all of them; one that comes later receives nothing from before" do
    reader = observed(at: proxy, backoff_cap: 0.1).start
    expect(next_named(:connect).client).to be reader
    late = Queue.new
    reader.subscribe { |event| late << event }
    etcd.ctl.put("/a/x", "1")
    expect(next_named(:change)[:key]).to eq "/a/x"
    expect(next_of(late).name).to be :change
    proxy.cut
    expect(next_named(:reconnect)[:keys]).to eq 1
  end

  it "of a client that no one observed so far receives nothing from before" do
    reader = client(proxy, "/a/", backoff_cap: 0.1).start
    wait_until("the watch") { reader.status.state == :watching }
    proxy.cut
    wait_until("another watch") { reader.status.reconnects == 1 && reader.status.state == :watching }
    reader.subscribe { |event| received << event }
    etcd.ctl.put("/a/x", "1")
    expect(next_event.name).to be :change
    proxy.cut
    expect(next_named(:reconnect)[:count]).to eq 1
  end

  it "whose block fails still receives the next event, and so do the others" do
    reader = client(proxy, "/a/", logger:)
    reader.subscribe(:connect, :disconnect) { raise "on purpose" }
    reader.subscribe(:connect, :disconnect) { |event| received << event }
    reader.start
    expect(next_event.name).to be :connect
    proxy.refuse
    expect(next_event.name).to be :disconnect
    expect(next_line("on purpose")).to include("the block of subscribe failed at connect")
    expect(next_line("on purpose")).to include("the block of subscribe failed at disconnect")
  end

  it "that hangs does not silence the log" do
    gate = Queue.new
    reader = client(etcd, "/a/", logger:, max_staleness: 1, progress_interval: 0.2)
    reader.subscribe(:connect) { gate.pop }
    reader.start
    wait_until("the block to hang") { gate.num_waiting == 1 }
    etcd.pause
    expect(next_line("stale")).to include("etcd has not confirmed the data")
    etcd.continue
    gate << :go
  end

  it "receives each transition exactly once and in order, like every other subscriber" do
    reader = observed(:connect, :disconnect, :reconnect, backoff_cap: 0.05)
    others = Queue.new
    reader.subscribe(:connect, :disconnect, :reconnect) { |event| others << event }
    reader.start
    8.times do
      wait_until("the watch") { reader.status.state == :watching }
      connections = reader.status.reconnects
      proxy.cut
      wait_until("another connection") { reader.status.reconnects > connections }
    end
    wait_until("the watch") { reader.status.state == :watching }
    # Eight, and those of a machine that was too busy to answer in time.
    losses = reader.status.reconnects
    expect(losses).to be >= 8
    names = [:connect, *(%i[disconnect reconnect] * losses)]
    expect_soon("all events") { [received, others].all? { |queue| queue.size >= names.size } }
    all = [received, others].map { |queue| Array.new(names.size) { queue.pop } }
    expect(all.map { |events| events.map(&:name) }).to eq [names, names]
    expect(all.first.map(&:time)).to eq all.first.map(&:time).sort
  end

  it "that is too slow misses the oldest events beyond 1,000, and the log says how many" do
    gate = Queue.new
    # Nothing but the bad values happens to a client without etcd, however slow the machine is.
    reader = EtcdDiscovery::Client.new(source: "memory", watch: ["/a/"], logger:)
    reader.subscribe(:invalid_value) { |event| (received << event[:revision]) && gate.pop }
    spoil = ->(value) { reader.put("/a/x", value).tap { reader.integer("/a/x", 0) } }
    first = spoil["first"]
    expect(next_of(received)).to eq first
    revisions = Array.new(1_002) { |n| spoil["bad #{n}"] }
    1_002.times { gate << :go }
    expect(next_of(received)).to eq revisions[2]
    expect(next_line("were dropped")).to include("2 events")
  end

  it "that was cancelled receives nothing more" do
    reader = client(etcd, "/a/")
    subscription = reader.subscribe { |event| received << event }
    reader.subscribe(:connect) { |event| log << event }
    subscription.cancel
    reader.start
    next_of(log)
    expect(subscription).to be_cancelled
    expect(received).to be_empty
  end

  it "of an unknown event, or without a block, is refused with the names of the events" do
    reader = client(etcd, "/a/")
    expect { reader.subscribe(:stall) { nil } }
      .to raise_error(ArgumentError, /:stall: no such event.*stale, fresh/)
    expect { reader.subscribe(:stale) }.to raise_error(ArgumentError, /block/)
  end
end
