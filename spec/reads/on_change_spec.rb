# frozen_string_literal: true

RSpec.describe "a subscription" do
  let(:etcd) { start_etcd }
  let(:log) { [] }
  let(:logger) { Class.new { %i[info warn].each { |level| define_method(level) { |_| nil } } }.new }
  let(:reader) { client(etcd, "/a/", "/single", logger:).tap(&:start) }
  let(:received) { Queue.new }

  before { logger.define_singleton_method(:error, &log.method(:<<)) }

  def next_change = received.pop(true)

  def await(count) = wait_until("#{count} changes, not #{received.size}") { received.size >= count }

  def facts(change) = [change.type, change.key, change.value, change.previous]

  it "receives each new, changed and deleted key under its prefix, with the revision and a snapshot" do
    subscription = reader.on_change("/a/") { |change| received << change }
    revision = etcd.ctl.put("/a/x", "1")
    await(1)
    change = next_change
    expect(facts(change)).to eq [:put, "/a/x", "1", nil]
    expect(change.revision).to eq revision
    expect(change.snapshot["/a/x"]).to eq "1"
    etcd.ctl.put("/single", "elsewhere")
    etcd.ctl.put("/a/x", "2")
    await(1)
    expect(facts(next_change)).to eq [:put, "/a/x", "2", "1"]
    etcd.ctl.delete("/a/x")
    await(1)
    expect(facts(next_change)).to eq [:delete, "/a/x", nil, "2"]
    subscription.cancel
  end

  it "to a key receives only that key" do
    reader.on_change("/single") { |change| received << change }
    etcd.ctl.put("/a/x", "1")
    etcd.ctl.put("/single", "1")
    await(1)
    expect(facts(next_change)).to eq [:put, "/single", "1", nil]
  end

  it "starts with the existing values if it asks for them, and without them if not" do
    etcd.ctl.put("/a/x", "1")
    wait_until("the key") { reader["/a/x"] }
    later = Queue.new
    reader.on_change("/a/") { |change| later << change }
    reader.on_change("/a/", initial: true) { |change| received << change }
    await(1)
    expect(facts(next_change)).to eq [:put, "/a/x", "1", nil]
    etcd.ctl.put("/a/x", "2")
    await(1)
    expect(later.pop.value).to eq "2"
    expect(later).to be_empty
  end

  it "receives changes in the order of revisions, and those of one transaction together" do
    reader.on_change("/a/") { |change| received << change }
    20.times { |n| etcd.ctl.transaction([:put, "/a/z", n.to_s], [:put, "/a/y", n.to_s]) }
    changes = []
    wait_until("the last two") do
      changes << received.pop(true) until received.empty?
      changes.last(2).map(&:value) == %w[19 19]
    end
    expect(changes.map(&:revision)).to eq changes.map(&:revision).sort
    changes.each { |change| expect(change.snapshot["/a/y"]).to eq change.snapshot["/a/z"] }
  end

  it "that is slow receives several changes of a key as one, and delays nothing" do
    gate = Queue.new
    reader.on_change("/a/x") { |change| (received << change) && gate.pop }
    etcd.ctl.put("/a/x", "1")
    await(1)
    (2..5).each { |n| etcd.ctl.put("/a/x", n.to_s) }
    wait_until("the last value") { reader["/a/x"] == "5" } # while the block is still at the first
    gate << :go
    await(2)
    2.times { gate << :go }
    expect([next_change, next_change].map(&:value)).to eq %w[1 5]
  end

  it "whose block fails still receives the next change, and so do the others" do
    reader.on_change("/a/") { raise "on purpose" }
    reader.on_change("/a/") { |change| received << change }
    etcd.ctl.put("/a/x", "1")
    await(1)
    etcd.ctl.put("/a/x", "2")
    await(2)
    wait_until("two reports") { log.size == 2 }
    expect(log).to all(include("/a/x").and(include("on purpose")))
  end

  it "whose block ends its thread still receives the next change, and so do the others" do
    endings = [-> { Thread.exit }, -> { Thread.current.kill }, -> { raise Exception, "no StandardError" }, # rubocop:disable Lint/RaiseException
               -> { throw :nowhere }]
    others = Queue.new
    reader.on_change("/a/") { |change| endings.shift&.call || (received << change) }
    reader.on_change("/a/") { |change| others << change.value }

    7.times do |number|
      etcd.ctl.put("/a/x", number.to_s)
      wait_until("the other block to be called") { others.size > number }
    end
    await(3)
    expect(Array.new(7) { others.pop(true) }).to eq %w[0 1 2 3 4 5 6]
    expect(Array.new(3) { next_change.value }).to eq %w[4 5 6]
    expect(log.grep(%r{the block of on_change\("/a/"\) ended its thread at "/a/x"}).size).to eq 2
    expect(log.grep(%r{the block of on_change\("/a/"\) failed at "/a/x"}).size).to eq 2
  end

  it "continues when another thread kills the sleeping thread that calls blocks, or raises in it" do
    reader.on_change("/a/") { |change| received << change.value }
    dispatcher = -> { Thread.list.find { |thread| thread.name == "etcd_discovery changes" && thread.stop? } }
    %i[kill raise kill].each_with_index do |ending, number|
      thread = wait_until("the thread to sleep", &dispatcher)
      thread.report_on_exception = false
      thread.public_send(ending)
      wait_until("the thread to end") { !thread.alive? }
      etcd.ctl.put("/a/x", number.to_s)
      await(1)
      expect(next_change).to eq number.to_s
    end
  end

  it "does not hold up the end of its process" do
    waiting = 'connect "/a/"; EtcdDiscovery.on_change("/a/") { nil }; report "ready"; hear'
    [-> { _1.signal(:TERM) }, :tell.to_proc].each do |ending|
      process = ruby_process(waiting, etcd)
      expect(process.heard).to eq "ready"
      ending.call(process)
      expect(process.finish(timeout: 10)).not_to be_nil
    end
  end

  it "receives the rest of a transaction if its block ends the thread in the middle" do
    reader.on_change("/a/") { |change| change.value == "1" ? Thread.exit : received << change.value }
    gateway = Harness::Gateway.new([etcd.port], timeout: 30)
    gateway.commit([%w[/a/k 0], %w[/a/l 1], %w[/a/m 2]].map { |key, value| [:put, key, value] })
    await(2)
    expect(Array.new(2) { next_change }).to eq %w[0 2]
  end

  it "ends with its client, when no one holds that any more" do
    descriptors = -> { Dir.children("/proc/self/fd").size }
    make = lambda do
      EtcdDiscovery::Client.new(endpoints: [etcd.endpoint], watch: ["/a/"]).tap(&:start).on_change("/a/") do
        nil
      end
      nil
    end
    make.call
    before = descriptors.call
    10.times { make.call }
    expect(descriptors.call).to be > before + 10
    wait_until("the clients to be collected") do
      Array.new(10_000) { Object.new }
      GC.start
      descriptors.call <= before + 4
    end
  end

  it "that no one else holds still receives each change after the collector has run and moved objects" do
    process = ruby_process(<<~'RUBY', etcd)
      connect "/a/"
      seen = Queue.new
      20.times { |n| EtcdDiscovery.on_change(n.odd? ? "/a/x" : "/a/") { |change| seen << [n, change.value] } }
      report EtcdDiscovery.put("/a/x", "1").positive? && Array.new(20) { seen.pop }.sort
      GC.stress = true
      EtcdDiscovery.put("/a/x", "2")
      GC.stress = false
      GC.compact
      Array.new(10_000) { +"something else in their place" }
      EtcdDiscovery.put("/a/x", "3")
      last = []
      last << seen.pop until last.count { |_, value| value == "3" } == 20
      report last.select { |_, value| value == "3" }.map(&:first)
    RUBY
    expect(process.heard).to eq(Array.new(20) { |n| [n, "1"] })
    expect(process.heard(timeout: 60)).to eq(Array.new(20, &:itself))
  end

  it "that was cancelled receives nothing more" do
    subscription = reader.on_change("/a/") { |change| received << change }
    other = Queue.new
    reader.on_change("/a/") { |change| other << change }
    subscription.cancel
    etcd.ctl.put("/a/x", "1")
    other.pop
    expect(received).to be_empty
    expect(subscription).to be_cancelled
  end

  it "made while etcd is away starts with everything in the first snapshot, and does not wait again" do
    etcd.ctl.put("/a/x", "1")
    etcd.kill9
    away = client(etcd, "/a/", "/single", logger:, boot_timeout: 0.2)
    away.on_change("/a/") { |change| received << change }
    away.on_change("/single") { |change| received << change }
    expect(away.status.state).not_to eq :stopped
    expect { away.on_change("/elsewhere/") { nil } }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
    etcd.start
    await(1)
    expect(facts(next_change)).to eq [:put, "/a/x", "1", nil]
    etcd.ctl.put("/single", "2")
    await(1)
    expect(facts(next_change)).to eq [:put, "/single", "2", nil]
  end

  it "to a key outside the watched ranges, or without a block, is refused", :misuse do
    expect { reader.on_change("/elsewhere/") { nil } }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
    expect { reader.on_change("/elsewhere") { nil } }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
    expect { reader.on_change("/a/") }.to raise_error(ArgumentError)
  end

  it "continues in a child that was forked in a signal handler" do
    process = ruby_process(<<~'RUBY', etcd)
      connect "/a/"
      EtcdDiscovery.on_change("/a/") { |change| report [$who || "parent", change.value] }
      trap(:USR1) { fork { $who = "child"; report "forked"; hear } }
      Process.kill(:USR1, Process.pid)
      hear
    RUBY
    expect(process.heard).to eq "forked"
    etcd.ctl.put("/a/x", "1")
    expect([process.heard, process.heard]).to contain_exactly(%w[parent 1], %w[child 1])
  end

  it "continues in a forked child, in the parent, and in a child that a block has forked" do
    process = ruby_process(<<~'RUBY', etcd)
      connect "/a/"
      EtcdDiscovery.on_change("/a/") do |change|
        report [$who || "parent", change.value]
        if change.value == "fork"
          fork { $who = "block's child"; hear }
        end
      end
      fork { $who = "child"; report "forked"; hear }
      hear
    RUBY
    expect(process.heard).to eq "forked"
    etcd.ctl.put("/a/x", "1")
    expect([process.heard, process.heard]).to contain_exactly(%w[parent 1], %w[child 1])
    etcd.ctl.put("/a/x", "fork")
    expect([process.heard, process.heard]).to contain_exactly(%w[parent fork], %w[child fork])
    # Both have forked by the time that they report the next one.
    etcd.ctl.put("/a/x", "2")
    tellers = Array.new(4) { process.heard.first }
    expect(tellers).to contain_exactly("parent", "child", "block's child", "block's child")
  end
end
