# frozen_string_literal: true

RSpec.describe "a forked process" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/service/b", "before") } }

  it "may be a daemon: it follows under its new pid" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      original = Process.pid
      Process.daemon(true, true)
      report [EtcdDiscovery["/service/b"], Process.pid == original]
      hear
      wait_until("the change in the daemon") { EtcdDiscovery["/service/b"] == "after" }
      report EtcdDiscovery.status.pid == Process.pid
      hear # also ends the daemon when the spec has ended
    RUBY
    expect(process.heard).to eq ["before", false]
    etcd.ctl.put("/service/b", "after")
    process.tell
    expect(process.heard).to be true
    process.tell
  end

  it "may leave by exit, exit!, an exception or a signal: the parent follows undisturbed" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      at_exit { EtcdDiscovery.stop }
      endings = [-> { exit }, -> { exit!(0) }, -> { $stderr.reopen(File::NULL); raise "on purpose" },
                 -> { Process.kill(:KILL, Process.pid) }, -> { Process.kill(:TERM, Process.pid); sleep }]
      endings.cycle(4) do |ending|
        child = fork { EtcdDiscovery["/service/b"]; ending.call }
        Process.wait(child)
      end
      report EtcdDiscovery.status.reconnects
      hear
      wait_until("the change in the parent") { EtcdDiscovery["/service/b"] == "after" }
      report EtcdDiscovery.status.reconnects
    RUBY
    expect(process.heard(timeout: 60)).to eq 0
    etcd.ctl.put("/service/b", "after")
    process.tell
    expect(process.heard).to eq 0
  end

  it "may stop its own client: the parent's keeps following" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      in_child { EtcdDiscovery.stop }
      in_child { EtcdDiscovery.after_fork; EtcdDiscovery.stop }
      report EtcdDiscovery.healthy?
      hear
      wait_until("the change in the parent") { EtcdDiscovery["/service/b"] == "after" }
      report EtcdDiscovery.status.reconnects
    RUBY
    expect(process.heard).to be true
    etcd.ctl.put("/service/b", "after")
    process.tell
    expect(process.heard).to eq 0
  end

  it "may outlive its parent" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      fork do
        EtcdDiscovery.after_fork
        parent = Process.ppid
        report "forked"
        wait_until("the end of the parent") { Process.ppid != parent }
        report EtcdDiscovery["/service/b"]
        wait_until("the change in the orphan") { EtcdDiscovery["/service/b"] == "after" }
        report "followed"
      end
      hear
      Process.kill(:KILL, Process.pid)
    RUBY
    expect(process.heard).to eq "forked"
    process.tell
    expect(process.heard).to eq "before"
    etcd.ctl.put("/service/b", "after")
    expect(process.heard).to eq "followed"
  end

  it "may outlive a parent that has registered: the key still ends with the parent's lease" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      EtcdDiscovery.register("b", "a:1", id: "one", ttl: 5).wait(timeout: 30)
      fork do
        wait_until("the child's own watch") { EtcdDiscovery.status.state == :watching }
        report Process.pid
        hear
      end
      sleep
    RUBY
    child = process.heard
    expect(etcd.ctl.get("/service/b/one")).to eq "a:1"
    process.signal(:KILL)
    expect_soon("the end of the lease", timeout: 60) { etcd.ctl.leases.empty? }
    expect(etcd.ctl.get("/service/b/one")).to be_nil
    expect(Harness::ProcessTable.alive?(child)).to be true
  end

  it "may be forked before anything was started or configured" do
    process = ruby_process(<<~RUBY, etcd)
      in_child { connect "/service/"; report EtcdDiscovery["/service/b"] }
      configure "/service/"
      in_child { report EtcdDiscovery["/service/b"] }
      in_child { EtcdDiscovery.after_fork; report EtcdDiscovery["/service/b"] }
      report EtcdDiscovery["/service/b"]
    RUBY
    expect(Array.new(4) { process.heard }).to all(eq("before"))
  end

  it "may be one of many that a parent with several clients and threads forks at once" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      other = EtcdDiscovery::Client.new(endpoints: endpoints, watch: ["/service/b"])
      other.start
      threads = Array.new(4) do
        Thread.new { 5.times { in_child { report [EtcdDiscovery["/service/b"], other["/service/b"]] } } }
      end
      threads.each(&:join)
      report [EtcdDiscovery.status.reconnects, other.status.reconnects]
    RUBY
    expect(Array.new(20) { process.heard }).to all(eq(%w[before before]))
    expect(process.heard).to eq [0, 0]
  end

  it "may be forked in a signal handler, and by popen" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      children = []
      trap(:USR1) { children << fork { report EtcdDiscovery["/service/b"]; exit!(0) } }
      Process.kill(:USR1, Process.pid)
      wait_until("the handler") { children.any? }
      Process.wait(children.first)
      report IO.popen("-") { |pipe| pipe ? pipe.read : print(EtcdDiscovery["/service/b"]) }
      hear
      wait_until("the change in the parent") { EtcdDiscovery["/service/b"] == "after" }
      report EtcdDiscovery.status.reconnects
    RUBY
    expect(Array.new(2) { process.heard }).to eq %w[before before]
    etcd.ctl.put("/service/b", "after")
    process.tell
    expect(process.heard).to eq 0
  end

  it "may be forked in a signal handler while its thread waits for etcd: only the parent gets the answer" do
    proxy = start_proxy(etcd)
    process = ruby_process(<<~RUBY, proxy)
      connect "/service/", request_timeout: 60
      child = nil
      trap(:USR1) { child = fork } # the wait continues in both
      report "connected"
      hear
      report "putting"
      outcome = error_of { EtcdDiscovery.put("/service/b", "after") }
      report [child ? "parent" : "child", outcome && outcome[:class]]
      exit!(0) unless child
      Process.wait(child)
    RUBY
    process.heard
    proxy.half_open
    process.tell
    expect(process.heard).to eq "putting" # a process that waits for the spec also waits in poll
    expect_soon("the wait for etcd") { File.read("/proc/#{process.pid}/wchan").include?("poll") }
    process.signal(:USR1)
    expect(process.heard).to eq ["child", "EtcdDiscovery::ConnectionError"]
    proxy.pass
    expect(process.heard).to eq ["parent", nil]
  end

  it "may be one of 200 programs that are started while the parent reads: it follows undisturbed" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      200.times { system("true") or raise "no such program" }
      report EtcdDiscovery.status.reconnects
      hear
      wait_until("the change in the parent") { EtcdDiscovery["/service/b"] == "after" }
      report EtcdDiscovery.status.reconnects
    RUBY
    expect(process.heard(timeout: 60)).to eq 0
    etcd.ctl.put("/service/b", "after")
    process.tell
    expect(process.heard).to eq 0
  end

  it "may be spawned instead of forked: another program gets none of the sockets" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      report spawn("sleep", "60")
      hear
    RUBY
    other = process.heard
    inherited = Harness::ProcessTable.connections(process.pid, etcd.port)
    expect(inherited).not_to be_empty
    expect(Harness::ProcessTable.socket_inodes(other) & inherited).to be_empty
  end
end
