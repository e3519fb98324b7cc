# frozen_string_literal: true

RSpec.describe "a process that is observed" do
  let(:etcd) { start_etcd }

  def expect_all(process, tellers, name, payload)
    received = tellers.map { process.heard }
    expect(received).to match_array(tellers.map { |who| [who, name, payload] })
  end

  it "is not woken by changes of keys without a subscriber" do
    process = ruby_process(<<~'RUBY', etcd)
      require "logger"
      connect "/a/", logger: Logger.new(File::NULL), progress_interval: 0.2
      EtcdDiscovery.subscribe(:stale, :reconnect) { |event| report event.name }
      wait_until("the watch") { EtcdDiscovery.status.state == :watching }
      observers = Thread.list.select { |thread| thread.name.to_s.start_with?("etcd_discovery") }
      status = ->(thread) { "/proc/self/task/#{thread.native_thread_id}/status" }
      wait_until("the threads to run") { observers.all? { |thread| File.exist?(status.call(thread)) } }
      wakes = lambda do
        observers.sum { |thread| Integer(File.read(status.call(thread))[/^voluntary_ctxt_switches:\s+(\d+)/, 1]) }
      end
      before = wakes.call
      500.times { |n| EtcdDiscovery.wait_for_revision(EtcdDiscovery.put("/a/x", n.to_s), timeout: 30) }
      report [observers.size, EtcdDiscovery["/a/x"], wakes.call - before]
    RUBY
    threads, value, wakes = process.heard(timeout: 60)
    expect([threads, value]).to eq [2, "499"]
    # A thread that is woken for each change wakes about once per change.
    expect(wakes).to be < 50
  end

  it "has no thread of the gem while no one subscribes or logs" do
    process = ruby_process(<<~'RUBY', etcd)
      connect "/a/"
      EtcdDiscovery.integer("/a/x", 0)
      report Thread.list.size
    RUBY
    expect(process.heard).to eq 1
  end

  it "is observed when a read starts it" do
    process = ruby_process(<<~'RUBY', etcd)
      configure "/a/"
      EtcdDiscovery.subscribe(:connect) { |event| report event[:keys] }
      EtcdDiscovery["/a/x"]
      hear
    RUBY
    expect(process.heard).to eq 0
  end

  it "is still observed in forked children, each from its own beginning",
     own_watch: "each process has to report its own connection" do
    proxy = start_proxy(etcd)
    process = ruby_process(<<~'RUBY', proxy)
      configure "/a/", backoff_cap: 0.1
      EtcdDiscovery.subscribe(:connect, :reconnect, :change) do |event|
        report [$who || "parent", event.name, event.payload.values_at(:count, :inherited, :key)]
      end
      EtcdDiscovery.start
      hear
      2.times { |n| fork { $who = "child #{n}"; hear } }
      hear
    RUBY
    expect(process.heard).to eq ["parent", "connect", [nil, false, nil]]
    process.tell
    children = ["child 0", "child 1"]
    expect_all(process, children, "connect", [nil, true, nil])
    etcd.ctl.put("/a/x", "1")
    expect_all(process, ["parent", *children], "change", [nil, nil, "/a/x"])
    proxy.cut
    expect_all(process, ["parent", *children], "reconnect", [1, nil, nil])
  end

  it "passes its subscriptions on to the client that a second configure makes" do
    process = ruby_process(<<~'RUBY', etcd)
      configure "/a/"
      EtcdDiscovery.subscribe(:connect, :change) { |event| report [event.name, event[:key]] }
      EtcdDiscovery.start
      hear
      connect "/a/", "/b/"
      hear
    RUBY
    expect(process.heard).to eq ["connect", nil]
    process.tell
    expect(process.heard).to eq ["connect", nil]
    etcd.ctl.put("/b/x", "1")
    expect(process.heard).to eq ["change", "/b/x"]
  end

  it "notifies ActiveSupport's listeners equally, if it is loaded, also in forked children",
     own_watch: "each process has to report its own connection" do
    process = ruby_process(<<~'RUBY', etcd)
      require "active_support"
      require "active_support/notifications"
      ActiveSupport::Notifications.subscribe(/\A(connect|change)\.etcd_discovery\z/) do |name, *, payload|
        ours = payload[:client].equal?(EtcdDiscovery.client)
        report [$who || "parent", name, payload.values_at(:key, :inherited), ours]
      end
      connect "/a/"
      wait_until("the watch") { EtcdDiscovery.status.state == :watching }
      hear
      fork { $who = "child"; hear }
      hear
    RUBY
    expect(process.heard).to eq ["parent", "connect.etcd_discovery", [nil, false], true]
    etcd.ctl.put("/a/x", "1")
    expect(process.heard).to eq ["parent", "change.etcd_discovery", ["/a/x", nil], true]
    process.tell
    expect(process.heard).to eq ["child", "connect.etcd_discovery", [nil, true], true]
    etcd.ctl.put("/a/x", "2")
    received = [process.heard, process.heard]
    expect(received.map(&:first)).to contain_exactly("parent", "child")
    expect(received.map { |line| line[1] }).to all(eq("change.etcd_discovery"))
  end
end
