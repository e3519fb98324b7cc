# frozen_string_literal: true

require_relative "host"

# A process that forks a child on request. The child reads at once, and follows from then on.
FORKING_MEMBER = <<~'RUBY'
  connect "/service/", host_copy: ENV.fetch("FOLDER"), boot_timeout: 120
  wait_until("a role") { %i[leader follower].include?(EtcdDiscovery.status.role) }
  report EtcdDiscovery.status.role
  hear
  fork do
    report EtcdDiscovery["/service/b"]
    wait_until("the change") { EtcdDiscovery["/service/b"] == "second" }
    wait_until("a role") { %i[leader follower].include?(EtcdDiscovery.status.role) }
    report [EtcdDiscovery.status.role, EtcdDiscovery.status.pid == Process.pid]
    sleep
  end
  report "forked"
  sleep
RUBY

RSpec.describe "a child of a process with a host copy" do
  include_context "with a host"

  def forking = ruby_process(FORKING_MEMBER, etcd, env: { "FOLDER" => folder })

  # What the parent and the child report has no order.
  def expect_reports(process, *expected)
    expect(Array.new(expected.size) { process.heard }).to match_array expected
  end

  it "reads at once and follows, if it is forked from the leader" do
    parent = forking
    expect(parent.heard).to eq "leader"
    parent.tell
    expect_reports(parent, "forked", "first")
    etcd.ctl.put("/service/b", "second")
    expect(parent.heard).to eq ["follower", true]
    expect_one_watch
  end

  it "reads at once and follows, if it is forked from a follower" do
    leader, = leader_and_followers(0)
    parent = forking
    expect(parent.heard).to eq "follower"
    parent.tell
    expect_reports(parent, "forked", "first")
    etcd.ctl.put("/service/b", "second")
    expect(parent.heard).to eq ["follower", true]
    expect(role_of(leader)).to eq :leader
    expect_one_watch
  end

  it "receives each change as an event, whether it is forked from the leader or from a follower" do
    parents = Array.new(2) do
      ruby_process(<<~'RUBY', etcd, env: { "FOLDER" => folder })
        connect "/service/", host_copy: ENV.fetch("FOLDER")
        wait_until("a role") { %i[leader follower].include?(EtcdDiscovery.status.role) }
        EtcdDiscovery.subscribe(:change) { |event| report [$who || "parent", event[:key]] }
        fork do
          $who = "child"
          EtcdDiscovery["/service/b"]
          wait_until("a role") { EtcdDiscovery.status.role == :follower }
          report "ready"
          sleep
        end
        sleep
      RUBY
    end
    parents.each { |parent| expect(parent.heard).to eq "ready" }
    %w[/service/b /service/c /service/b].each do |key|
      etcd.ctl.put(key, "changed")
      parents.each { |parent| expect_reports(parent, ["parent", key], ["child", key]) }
    end
  end

  it "has the lock's file open only if it leads, also as a child of a child of a child" do
    parent = ruby_process(<<~'RUBY', etcd, env: { "FOLDER" => folder })
      connect "/service/", host_copy: ENV.fetch("FOLDER")
      descend = lambda do |generations|
        EtcdDiscovery["/service/b"]
        wait_until("a role") { %i[leader follower].include?(EtcdDiscovery.status.role) }
        report Process.pid
        fork { descend.call(generations - 1) } if generations.positive?
        sleep
      end
      descend.call(3)
    RUBY
    open = Array.new(4) { Harness::ProcessTable.descriptors(parent.heard).grep(/\.lock\z/) }
    expect(open.map(&:size)).to eq [1, 0, 0, 0]
  end

  it "reads at once also while etcd is stopped (SIGSTOP)" do
    parent = forking
    expect(parent.heard).to eq "leader"
    etcd.pause
    parent.tell
    expect_reports(parent, "forked", "first")
  ensure
    etcd.continue
  end

  it "takes over when its parent, the leader, is killed" do
    parent = forking
    expect(parent.heard).to eq "leader"
    parent.tell
    expect_reports(parent, "forked", "first")
    parent.signal(:KILL)
    etcd.ctl.put("/service/b", "second")
    expect(parent.heard).to eq ["leader", true]
    expect_one_watch
  end

  it "reads on from what its parent took over from a dead leader, and from its parent's snapshots" do
    leader = member
    expect_soon("a leader") { role_of(leader) == :leader }
    parent = ruby_process(<<~'RUBY', etcd, env: { "FOLDER" => folder })
      connect "/service/", host_copy: ENV.fetch("FOLDER")
      wait_until("a leader") { EtcdDiscovery.status.role == :follower }
      followed = EtcdDiscovery.snapshot
      report "follows"
      hear
      wait_until("its turn") { EtcdDiscovery.status.role == :leader }
      snapshots = [followed, EtcdDiscovery.snapshot]
      descend = lambda do |generations|
        fork do
          report EtcdDiscovery["/service/b"]
          wait_until("a leader") { EtcdDiscovery.status.role == :follower }
          descend.call(generations - 1) if generations.positive?
          report EtcdDiscovery["/service/b"]
          report snapshots.map { |snapshot| snapshot["/service/b"] }
          sleep
        end
      end
      EtcdDiscovery.pin { descend.call(1) }
      report "forked"
      sleep
    RUBY
    expect(parent.heard).to eq "follows"
    leader.signal(:KILL)
    parent.tell
    expect_reports(parent, "forked", *Array.new(4, "first"), *Array.new(2, %w[first first]))
  end

  it "takes nothing from its siblings: 10 children of a leader that is killed elect one of them" do
    parent = ruby_process(<<~'RUBY', etcd, env: { "FOLDER" => folder })
      connect "/service/", host_copy: ENV.fetch("FOLDER")
      10.times do
        fork do
          value = EtcdDiscovery["/service/b"]
          value == "first" or report({ failure: "read #{value.inspect}" })
          wait_until("the change", 60) { EtcdDiscovery["/service/b"] == "second" }
          wait_until("a role", 60) { %i[leader follower].include?(EtcdDiscovery.status.role) }
          report EtcdDiscovery.status.role
          sleep
        end
      end
      report "forked"
      sleep
    RUBY
    expect(parent.heard).to eq "forked"
    parent.signal(:KILL)
    etcd.ctl.put("/service/b", "second")
    expect(Array.new(10) { parent.heard(timeout: 60) }.tally).to eq("leader" => 1, "follower" => 9)
    expect_one_watch
  end

  # As the gem `daemons` does. The numbers then belong to other files.
  %w[follower leader].each do |role|
    it "neither writes to nor closes files with the numbers of descriptors that it closed, of a #{role}" do
      leader, = leader_and_followers(0) if role == "follower"
      parent = ruby_process(<<~'RUBY', etcd, env: { "FOLDER" => folder, "ROLE" => role })
        connect "/service/", host_copy: ENV.fetch("FOLDER")
        EtcdDiscovery["/service/b"]
        wait_until("a role") { EtcdDiscovery.status.role.to_s == ENV.fetch("ROLE") }
        fork do
          # All but those that it reports through.
          (5..1_000).each { |number| IO.for_fd(number).close rescue nil }
          files = Array.new(60) { |number| File.open(File.join(ENV.fetch("FOLDER"), "#{number}.own"), "w+") }
          report EtcdDiscovery["/service/b"]
          hear
          wait_until("the lead", 60) { EtcdDiscovery.status.role == :leader }
          wait_until("the change", 60) { EtcdDiscovery["/service/b"] == "second" }
          GC.start
          report files.count { |file| file.stat.ino == File.stat(file.path).ino && file.stat.size.zero? }
          sleep
        end
        report "forked"
        sleep
      RUBY
      expect_reports(parent, "forked", "first")
      [leader, parent].compact.each { |process| process.signal(:KILL) }
      parent.tell
      etcd.ctl.put("/service/b", "second")
      expect(parent.heard(timeout: 60)).to eq 60
    end
  end
end
