# frozen_string_literal: true

require "fileutils"
require_relative "host"

# Takes every descriptor, also those that become free.
TAKE_ALL_DESCRIPTORS = <<~'RUBY'
  Process.setrlimit(:NOFILE, 64, Process.getrlimit(:NOFILE)[1])
  @held = []
  @takes = true
  @taking = Thread.new do
    while @takes
      begin
        @held << File.open("/dev/null")
      rescue Errno::EMFILE
        sleep 0.001
      end
    end
  end
  nil
RUBY

RSpec.describe "the processes of a host that share a copy" do
  include_context "with a host"

  let(:processes) { leader_and_followers(2, **quick) }

  def late = member(**quick)

  def synced_at(process) = ask(process, "EtcdDiscovery.status.synced_at.to_f")

  def expect_one_leader(those)
    expect_soon("a leader, and only followers beside it") do
      those.map { |process| role_of(process) }.tally == { leader: 1, follower: those.size - 1 }
    end
  end

  it "stay fresh after a restart of etcd that changes its term and no key" do
    leader, *followers = processes
    etcd.kill9
    etcd.start
    restarted = Time.now.to_f
    expect_soon("confirmations after the restart") { synced_at(leader) > restarted + 2 }
    followers.each { |follower| expect_soon("them in a follower") { synced_at(follower) > restarted + 2 } }
  end

  it "show what etcd has after it came back as the same cluster without its data" do
    10.times { |number| etcd.ctl.put("/service/#{number}", "old") }
    processes.each { |process| expect_soon("all") { ask(process, 'EtcdDiscovery["/service/9"]') == "old" } }
    etcd.kill9
    etcd.start_empty
    expect_all_to_read(processes, "second")
    expect_all_to_read([*processes, late], "third")
    expect(processes.map { |process| ask(process, 'EtcdDiscovery["/service/9"]') }).to all(be_nil)
    expect_one_leader(processes)
  end

  it "meet again after their folder was removed" do
    processes
    FileUtils.rm_rf(folder)
    expect_soon("a new folder") { Dir.exist?(folder) }
    expect_all_to_read(processes, "second")
    expect_one_leader(processes)
  end

  it "are found by a late process after the socket's file was removed" do
    processes
    socket, = Dir[File.join(folder, "*.sock")]
    File.unlink(socket)
    expect_soon("a new socket") { File.exist?(socket) }
    expect_one_leader([*processes, late])
  end

  it "help themselves while their leader has no descriptor to connect to etcd again" do
    leader, *followers = processes
    ask(leader, TAKE_ALL_DESCRIPTORS)
    etcd.kill9
    etcd.start
    expect_all_to_read(followers, "second")
    ask(leader, "@takes = false; @taking.join; @held.each(&:close); nil")
    expect_all_to_read(processes, "third")
    expect_one_leader(processes)
  end
end
