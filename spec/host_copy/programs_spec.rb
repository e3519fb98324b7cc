# frozen_string_literal: true

require_relative "host"

RSpec.describe "a leader that starts programs, becomes one, or shares its process" do
  include_context "with a host"

  # What a process has open of a host copy.
  def open_in(pid)
    Harness::ProcessTable.descriptors(pid).grep(/memfd:etcd_discovery|\.lock\z|\.sock\z/)
  end

  it "passes nothing of the copy on to a program that it spawns or that a child becomes" do
    leader, follower = leader_and_followers(1)
    started = ask(leader, <<~RUBY)
      keep = { close_others: false, in: File::NULL }
      [spawn("sleep", "600", keep), fork { exec("sleep", "600", keep) }, IO.popen(%w[sleep 600]).pid]
    RUBY
    expect_soon("the programs") do
      started.all? { |pid| Harness::ProcessTable.title(pid).start_with?("sleep") }
    end
    expect(started.flat_map { |pid| open_in(pid) }).to eq []
    leader.signal(:KILL)
    expect_roles([follower], leader: 1)
    expect_all_to_read([follower], "second")
  ensure
    Array(started).each { |pid| Process.kill(:KILL, pid) }
  end

  it "lets another one lead when it becomes another program (exec)" do
    leader, *others = leader_and_followers(2)
    leader.tell('exec("sleep", "600")')
    expect_roles(others, leader: 1, follower: 1)
    expect(open_in(leader.pid)).to eq []
    expect_all_to_read(others, "second")
    expect_one_watch
  end

  it "goes on in the background (Process.daemon): the daemon reads at once and takes part, and one leads" do
    leader, *others = leader_and_followers(1)
    leader.tell("Process.daemon(true, true); EtcdDiscovery['/service/b']")
    expect(leader.heard).to eq "first"
    expect_all_to_read([leader, *others], "second")
    expect_roles([leader, *others], leader: 1, follower: 1)
    expect_one_watch
  ensure
    daemon = leader && ask(leader, "Process.pid")
    Process.kill(:KILL, daemon) if daemon
  end

  it "closes every descriptor in a child that becomes a daemon by hand, and goes on itself" do
    leader, follower = leader_and_followers(1)
    child = ask(leader, <<~RUBY)
      fork { Process.setsid; (5..255).each { |number| IO.for_fd(number).close rescue nil }; sleep }
    RUBY
    expect_soon("nothing of the copy in the child") { open_in(child).empty? }
    expect_all_to_read([leader, follower], "second")
    expect(HostCopy.lock_holder(folder)).to eq leader.pid
    expect_roles([leader, follower], leader: 1, follower: 1)
  ensure
    Process.kill(:KILL, child) if child
  end

  it "still holds the lock after its process has read the lock's file" do
    leader, follower = leader_and_followers(1)
    expect(HostCopy.lock_holder(folder)).to eq leader.pid
    ask(leader, "Dir['#{folder}/*.lock'].map { |path| File.read(path) }")
    expect_soon("the lock again") { HostCopy.lock_holder(folder) == leader.pid }
    late = member
    expect_all_to_read([leader, follower, late], "second")
    expect(role_of(leader)).to eq :leader
    expect_roles([follower, late], follower: 2)
    expect_one_watch
  end

  it "has two clients with equal settings: one leads, the other follows, also after either was stopped" do
    process = member
    other = member
    expect_roles([process, other], leader: 1, follower: 1)
    ask(process, <<~RUBY)
      @second = EtcdDiscovery::Client.new(endpoints: endpoints, watch: ["/service/"], host_copy: "#{folder}")
      @second.start
      nil
    RUBY
    second = ->(code) { ask(process, "@second.#{code}") }
    expect_soon("a follower") { second.call("status.role") == "follower" }
    expect(HostCopy.lock_holder(folder)).to eq process.pid
    expect_one_watch

    ask(process, "EtcdDiscovery.stop; nil")
    expect_soon("another leader") do
      [role_of(other).to_s, second.call("status.role")].sort == %w[follower leader]
    end
    etcd.ctl.put("/service/b", "second")
    expect_soon("the value in the second client") { second.call('snapshot["/service/b"]') == "second" }
    expect_soon("the value in the other process") { value_of(other) == "second" }
    expect_one_watch

    ask(process, "EtcdDiscovery.start; @second.stop; nil")
    expect_all_to_read([process, other], "third")
    expect_roles([process, other], leader: 1, follower: 1)
    expect_one_watch
  end
end
