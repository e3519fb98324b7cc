# frozen_string_literal: true

require_relative "host"

RSpec.describe "a leader that is stopped (SIGSTOP)" do
  include_context "with a host"

  it "is left by all others, which become current again, and followed again by all when it goes on" do
    leader, *others = processes = leader_and_followers(3)
    expect_all_to_read(processes, "second")
    expect_one_watch

    leader.signal(:STOP)
    expect_all_to_read(others, "third")
    expect(others.map { |process| role_of(process) }).to all(eq(:orphan))
    expect(HostCopy.lock_holder(folder)).to eq leader.pid

    leader.signal(:CONT)
    others.each { |process| expect_soon("a follower again") { role_of(process) == :follower } }
    expect_one_watch
    expect_all_to_read(processes, "fourth")
    expect(others.map { |process| ask(process, "EtcdDiscovery.status.leader_pid") }).to all(eq(leader.pid))
  end

  it "stops no one from starting: a process that comes meanwhile reads from etcd" do
    leader, = leader_and_followers(1)
    leader.signal(:STOP)
    etcd.ctl.put("/service/b", "second")
    late = member
    expect_soon("the value of now") { value_of(late) == "second" }
    leader.signal(:CONT)
    expect_soon("a follower") { role_of(late) == :follower }
    expect_one_watch
  end

  it "stops no one when it is a follower instead: the others notice nothing, and it catches up" do
    leader, stopped, other = leader_and_followers(2)
    stopped.signal(:STOP)
    20.times { |number| expect_all_to_read([leader, other], "while stopped #{number}") }
    expect(role_of(other)).to eq :follower
    stopped.signal(:CONT)
    expect_soon("the value of now") { value_of(stopped) == "while stopped 19" }
    expect_one_watch
  end
end
