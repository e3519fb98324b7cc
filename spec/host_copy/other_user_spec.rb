# frozen_string_literal: true

require_relative "host"

RSpec.describe "a process that changes its user, as unicorn's workers do with `user`" do
  include_context "with a host"

  before { skip "only root can become another user" unless Process.uid.zero? }

  nobody = 65_534
  becomes_nobody = "Process::UID.change_privilege(#{nobody})"

  # A temporary folder that all users may use.
  let(:temporary) { new_folder.tap { |path| File.chmod(0o1777, path) } }
  let(:in_temporary) { { process: { env: { "TMPDIR" => temporary } } } }

  def leaders(processes) = processes.map { |process| ask(process, "EtcdDiscovery.status.leader_pid") }

  def expect_no_trouble(processes)
    expect(processes.map { |process| trouble_of(process) }).to all(be_nil)
  end

  define_method(:expect_own_copy) do |workers|
    expect_roles(workers, leader: 1, follower: workers.size - 1)
    # The first of them may follow the master for a moment longer than the others.
    expect_soon("one leader") { leaders(workers).uniq.size == 1 }
    expect_no_trouble(workers)
    expect(File.stat(File.join(temporary, "etcd_discovery-#{nobody}")).uid).to eq nobody
  end

  it "shares a copy with the other workers of that user, if it changes before it takes part" do
    in_worker = "#{becomes_nobody}; take_part"
    master, *workers = master_and_workers(3, in_worker:, host_copy: true, **in_temporary)
    expect_own_copy(workers)
    expect_roles([master], leader: 1)
    expect_all_to_read([master, *workers], "second")
    expect_soon("a watch for each user") { watches == 2 }
  end

  it "shares a copy with the other workers of that user, if it changes while it follows" do
    master, *workers = master_and_workers(3, host_copy: true, **in_temporary)
    expect_roles(workers, follower: 3)
    expect_all_to_read(workers, "second")
    workers.each { |worker| ask(worker, becomes_nobody) }
    expect(workers.map { |worker| value_of(worker) }).to all(eq("second"))
    expect_own_copy(workers)
    expect_roles([master], leader: 1)
    expect_all_to_read([master, *workers], "third")
  end

  it "follows etcd by itself and says why, if the folder is its former user's, and the others go on" do
    master, *workers = master_and_workers(2, in_worker: "#{becomes_nobody}; take_part")
    other = member
    workers.each do |worker|
      expect(trouble_of(worker)).to include(folder, "user #{nobody}", "belongs to user 0",
                                            "follows etcd by itself")
    end
    expect_all_to_read([master, other, *workers], "second")
    expect_roles([master, other, *workers], leader: 1, follower: 1, orphan: 2)
    expect(File.stat(folder).uid).to eq 0
  end

  it "follows etcd by itself and says why, if it follows as its former user and changes then" do
    master, *workers = master_and_workers(2)
    expect_roles([master, *workers], leader: 1, follower: 2)
    ask(workers.first, becomes_nobody)
    expect_soon("the reason") { trouble_of(workers.first)&.include?("belongs to user 0") }
    expect_all_to_read([master, *workers], "second")
    expect_roles([master, *workers], leader: 1, follower: 1, orphan: 1)
  end

  it "lets another process lead, if it led before it changed" do
    master, = master_and_workers(0, host_copy: true, **in_temporary)
    others = Array.new(2) { member(host_copy: true, **in_temporary) }
    expect_roles([master, *others], leader: 1, follower: 2)
    expect_roles([master], leader: 1)
    ask(master, becomes_nobody)
    expect_roles(others, leader: 1, follower: 1)
    expect_roles([master], leader: 1)
    expect(leaders([master])).to eq [master.pid]
    expect_all_to_read([master, *others], "second")
    expect_no_trouble([master, *others])
    expect_soon("a watch for each user") { watches == 2 }
  end

  it "shares a copy with its workers, if it is a master that changes before it forks" do
    processes = master_and_workers(2, before: "take_part; #{becomes_nobody}", host_copy: true, **in_temporary)
    expect_own_copy(processes)
    expect_all_to_read(processes, "second")
    expect_one_watch
  end
end
