# frozen_string_literal: true

require_relative "host"

RSpec.describe "a follower" do
  include_context "with a host"

  let(:processes) { leader_and_followers(1) }
  let(:follower) { processes.last }

  def addresses(process) = ask(process, 'EtcdDiscovery.service("web").addresses')

  it "delivers each change to on_change" do
    ask(follower, <<~RUBY)
      @seen = Queue.new
      EtcdDiscovery.on_change("/service/") { |change| @seen << [change.key, change.value] }
      nil
    RUBY
    20.times do |number|
      etcd.ctl.put("/service/b", number.to_s)
      expect(ask(follower, "@seen.pop")).to eq ["/service/b", number.to_s]
    end
    etcd.ctl.delete("/service/b")
    expect(ask(follower, "@seen.pop")).to eq ["/service/b", nil]
  end

  it "ends wait_for when the key comes" do
    listening = -> { Harness::ProcessTable.descriptors(follower.pid).count("anon_inode:[eventpoll]") }
    before = listening.call
    follower.tell('EtcdDiscovery.wait_for("/service/new", timeout: 60)')
    expect_soon("the thread to listen to the leader") { listening.call > before }
    etcd.ctl.put("/service/new", "one")
    expect(follower.heard(timeout: 60)).to eq "one"
  end

  it "ends wait_for_revision when the copy is there" do
    50.times do |number|
      revision = etcd.ctl.put("/service/b", number.to_s)
      expect(ask(follower, "EtcdDiscovery.wait_for_revision(#{revision}, timeout: 60)")).to be >= revision
      expect(value_of(follower)).to eq number.to_s
    end
  end

  it "delivers and waits also from the next leader" do
    ask(follower, '@seen = Queue.new; EtcdDiscovery.on_change("/service/b") { |c| @seen << c.value }; nil')
    other = member
    processes.first.signal(:KILL)
    expect_soon("the next leader") { [follower, other].any? { |process| role_of(process) == :leader } }
    5.times do |number|
      etcd.ctl.put("/service/b", number.to_s)
      expect(ask(follower, "@seen.pop")).to eq number.to_s
    end
    follower.tell('EtcdDiscovery.wait_for("/service/new", timeout: 60)')
    etcd.ctl.put("/service/new", "one")
    expect(follower.heard(timeout: 60)).to eq "one"
  end

  it "registers, and reads what others register" do
    ask(follower, 'EtcdDiscovery.register("web", "10.0.0.1:80", id: "f").wait(timeout: 60); nil')
    processes.each do |process|
      expect_soon("the instance") { addresses(process) == ["10.0.0.1:80"] }
    end
    ask(processes.first, 'EtcdDiscovery.register("web", "10.0.0.2:80", id: "l").wait(timeout: 60); nil')
    both = %w[10.0.0.1:80 10.0.0.2:80]
    expect_soon("both") { addresses(follower).sort == both }
    follower.signal(:TERM)
    expect_soon("its own to be gone") { addresses(processes.first) == ["10.0.0.2:80"] }
    expect_one_watch
  end

  it "keeps a snapshot and a pin unchanged while the copy moves on" do
    ask(follower, "@held = EtcdDiscovery.snapshot; nil")
    pinned = ask(follower, <<~RUBY)
      EtcdDiscovery.pin do
        before = EtcdDiscovery["/service/b"]
        revision = EtcdDiscovery.put("/service/b", "second")
        EtcdDiscovery.wait_for_revision(revision, timeout: 60)
        [before, EtcdDiscovery["/service/b"]]
      end
    RUBY
    expect(pinned).to eq %w[first first]
    100.times { |number| etcd.ctl.put("/service/b", number.to_s) }
    expect_soon("the last") { value_of(follower) == "99" }
    expect(ask(follower, '@held["/service/b"]')).to eq "first"
  end

  it "is stale when etcd is away, says so with an event, and is fresh when it is back" do
    proxy = start_proxy(etcd)
    *, follower = leader_and_followers(1, proxy, max_staleness: 2, **quick)
    expect(ask(follower, "EtcdDiscovery.stale?")).to be false
    proxy.blackhole
    expect_soon("the event") { ask(follower, "@events").include?("stale") }
    expect(ask(follower, "EtcdDiscovery.stale?")).to be true
    expect(ask(follower, "EtcdDiscovery.status.age")).to be > 2
    expect(value_of(follower)).to eq "first"
    expect(role_of(follower)).to eq :follower

    proxy.pass
    expect_soon("the event") { ask(follower, "@events").include?("fresh") }
    expect_soon("a fresh copy") { !ask(follower, "EtcdDiscovery.stale?") }
    expect(role_of(follower)).to eq :follower
  end

  it "reports its leader's error in etcd's words, and whose it is" do
    proxy = start_proxy(etcd)
    leader, follower = leader_and_followers(1, proxy, **quick)
    proxy.refuse
    expect_soon("the error") { ask(follower, "EtcdDiscovery.status.last_error.to_s").include?("refused") }
    error = ask(follower, "EtcdDiscovery.status.to_h[:last_error]")
    expect(error).to include(proxy.endpoint)
    expect(error).to end_with "(process #{leader.pid}, which follows etcd for this host)"
    expect(ask(follower, "EtcdDiscovery.status.last_error.class.to_s")).to eq "EtcdDiscovery::ConnectionError"
    expect(ask(follower, "EtcdDiscovery.status.last_error_at.nil?")).to be false
  end
end
