# frozen_string_literal: true

RSpec.describe "fork" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/service/b", "before") } }

  def connections(pid, port = etcd.port) = Harness::ProcessTable.connections(pid, port)

  it "leaves the parent's connections and its reconnects unchanged when it happens 100 times" do
    parent = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      report EtcdDiscovery.status.reconnects
      hear
      100.times do |n|
        in_child do
          EtcdDiscovery.after_fork if n.odd?
          EtcdDiscovery["/service/b"] == "before" or raise "the child read \#{EtcdDiscovery["/service/b"].inspect}"
        end
      end
      report EtcdDiscovery.status.reconnects
      hear
      wait_until("the change after the forks") { EtcdDiscovery["/service/b"] == "after" }
      report EtcdDiscovery.status.reconnects
    RUBY
    expect(parent.heard).to eq 0
    before = connections(parent.pid)
    expect(before).not_to be_empty

    parent.tell
    expect(parent.heard(timeout: 120)).to eq 0
    expect(connections(parent.pid)).to match_array before

    etcd.ctl.put("/service/b", "after")
    parent.tell
    expect(parent.heard).to eq 0
  end

  it "loses no change during a stream of changes, in the parent or in any child" do
    parent = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      report "connected"
      forks = 0
      until EtcdDiscovery.key?("/service/last")
        in_child do
          EtcdDiscovery.after_fork if forks.odd?
          values = EtcdDiscovery.snapshot.prefix("/service/churn/").map(&:last).uniq
          values.size <= 1 or raise "half a transaction: \#{values}"
        end
        forks += 1
        report forks if forks == 40
      end
      report [EtcdDiscovery.snapshot.size, EtcdDiscovery.status.reconnects]
    RUBY
    expect(parent.heard).to eq "connected"
    forking = Thread.new { parent.heard(timeout: 120) }
    (1..).each do |n|
      etcd.ctl.transaction(*Array.new(100) { |key| [:put, "/service/churn/#{key}", n.to_s] })
      break unless forking.alive?
    end
    expect(forking.value).to be >= 40
    etcd.ctl.put("/service/last", "last")
    expect(parent.heard).to eq [102, 0]
  end

  it "leaves no socket of the parent open in the child, whether or not the child uses the gem",
     own_watch: "the child has to have a connection, to compare" do
    parent = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      # Each child reports itself: when the parent's fork returns, the child may not have run yet.
      fork { report Process.pid; hear }
      fork do
        EtcdDiscovery.after_fork
        wait_until("the change in the child") { EtcdDiscovery["/service/b"] == "after" }
        report Process.pid
        hear
      end
      hear
    RUBY
    idle = parent.heard
    inherited = connections(parent.pid)
    expect(inherited).not_to be_empty

    etcd.ctl.put("/service/b", "after")
    reading = parent.heard
    expect(connections(reading)).not_to be_empty
    [idle, reading].each do |child|
      expect(Harness::ProcessTable.socket_inodes(child) & inherited).to be_empty
    end
    expect(connections(parent.pid)).to match_array inherited
  end

  it "gives a child that follows by itself, and does not list again what it inherited" do
    etcd.ctl.transaction(*(0...100).map { |n| [:put, "/service/large/#{n}", "x" * 10_000] })
    # A watch receives the last known revision once more.
    etcd.ctl.put("/service/b", "before")
    proxy = start_proxy(etcd)
    parent = ruby_process(<<~RUBY, proxy)
      connect "/service/"
      report EtcdDiscovery.snapshot.size
      hear
      in_child do
        EtcdDiscovery.after_fork
        report EtcdDiscovery["/service/b"]
        wait_until("the change in the child") { EtcdDiscovery["/service/b"] == "after" }
        report EtcdDiscovery.snapshot.size
      end
    RUBY
    expect(parent.heard).to eq 101
    listed = proxy.stats.fetch("down")
    expect(listed).to be > 1_000_000

    parent.tell
    expect(parent.heard).to eq "before"
    etcd.ctl.put("/service/b", "after")
    expect(parent.heard).to eq 101
    expect(proxy.stats.fetch("down") - listed).to be < 100_000
  end

  it "gives a child whose status never shows its parent's reconnects" do
    proxy = start_proxy(etcd)
    parent = ruby_process(<<~RUBY, proxy)
      connect "/service/"
      report "connected"
      hear
      wait_until("a reconnect") { EtcdDiscovery.status.reconnects.positive? }
      30.times do
        in_child do
          counts = Array.new(100) { EtcdDiscovery.status.reconnects }
          counts.sum.zero? or raise "the child counted \#{counts.uniq}"
        end
      end
      report "forked"
    RUBY
    expect(parent.heard).to eq "connected"
    proxy.cut
    parent.tell
    expect(parent.heard).to eq "forked"
  end

  it "loses nothing that happens between the fork and the child's own watch" do
    parent = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      child = fork do
        hear # etcd changes now, and the child has not used the gem yet
        EtcdDiscovery.after_fork
        wait_until("the change") { EtcdDiscovery["/service/b"] == "after" }
        report EtcdDiscovery.key?("/service/gone")
      end
      report child
      Process.wait(child)
    RUBY
    parent.heard
    etcd.ctl.put("/service/gone", "1")
    etcd.ctl.delete("/service/gone")
    etcd.ctl.put("/service/b", "after")
    parent.tell
    expect(parent.heard).to be false
  end

  it "gives a child that answers at once when etcd is down" do
    # A child that waited for etcd would wait for its boot_timeout, longer than this spec listens.
    parent = ruby_process(<<~RUBY, etcd)
      connect "/service/", boot_timeout: 120
      report "connected"
      hear
      in_child { report EtcdDiscovery["/service/b"] }
      in_child { EtcdDiscovery.after_fork; report EtcdDiscovery["/service/b"] }
      in_child { EtcdDiscovery.start; report EtcdDiscovery.snapshot.to_h }
    RUBY
    expect(parent.heard).to eq "connected"
    etcd.kill9
    parent.tell
    expect(parent.heard).to eq "before"
    expect(parent.heard).to eq "before"
    expect(parent.heard).to eq("/service/b": "before")
  end

  it "is followed by children of children" do
    parent = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      descend = lambda do |generations|
        report EtcdDiscovery["/service/b"]
        in_child { descend.call(generations - 1) } if generations.positive?
        next if generations.positive?

        hear
        wait_until("the change in the last child") { EtcdDiscovery["/service/b"] == "after" }
        report "followed"
      end
      descend.call(3)
      wait_until("the change in the parent") { EtcdDiscovery["/service/b"] == "after" }
      report EtcdDiscovery.status.reconnects
    RUBY
    expect(Array.new(4) { parent.heard }).to all(eq("before"))
    etcd.ctl.put("/service/b", "after")
    parent.tell
    expect(parent.heard).to eq "followed"
    expect(parent.heard).to eq 0
  end

  it "is safe at any moment while the parent is connecting" do
    proxy = start_proxy(etcd)
    proxy.delay(0.2) # so that connecting is slow enough to be hit in all its stages
    parent = ruby_process(<<~RUBY, proxy)
      configure "/service/", boot_timeout: 60
      start = Thread.new { EtcdDiscovery.start }
      children = []
      while start.alive?
        children << fork { exit!(EtcdDiscovery["/service/b"] == "before" ? 0 : 1) }
        sleep 0.05 # spreads the forks over the time that connecting takes
      end
      statuses = children.map { |child| Process.wait2(child).last.to_s }
      report children.size
      report statuses.reject { |status| status.end_with?("exit 0") }
      report [EtcdDiscovery["/service/b"], EtcdDiscovery.status.reconnects]
    RUBY
    expect(parent.heard(timeout: 120)).to be > 3
    expect(parent.heard).to be_empty
    expect(parent.heard).to eq ["before", 0]
  end
end
