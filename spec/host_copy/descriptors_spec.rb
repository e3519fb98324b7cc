# frozen_string_literal: true

require_relative "host"

RSpec.describe "a leader with few descriptors (ulimit -n)" do
  include_context "with a host"

  limit = 48

  it "takes in as many as fit, keeps some for its own process, and those who do not fit say so" do
    leader = member(process: { under: ["prlimit", "--nofile=#{limit}"] }, boot_timeout: 60)
    expect_roles([leader], leader: 1)
    _, *workers = master_and_workers(60, before: "", boot_timeout: 60)
    expect_all_to_read([leader, *workers], "second")
    roles = workers.group_by { |worker| role_of(worker) }
    expect(roles.keys).to match_array %i[follower orphan]
    expect(roles[:follower].size).to be_between(10, limit)
    roles[:orphan].each do |worker|
      expect(trouble_of(worker)).to include("process #{leader.pid}", "ulimit -n", "follows etcd by itself")
    end
    expect(roles[:follower].map { |worker| trouble_of(worker) }).to all(be_nil)
    # The application of the leader can still work, and the leader can connect to etcd again.
    expect(ask(leader, "Array.new(5) { File.open(File::NULL) }.each(&:close).size")).to eq 5
    etcd.kill9
    etcd.start
    expect_all_to_read([leader, *workers], "third")
    expect(role_of(leader)).to eq :leader
    expect_roles(roles[:follower], follower: roles[:follower].size)

    # There is room when some are gone. How many fit depends on the leader's connections at the moment.
    roles[:follower].each { |worker| ask(worker, "EtcdDiscovery.stop; nil") }
    expect_soon("others to join", timeout: 60) do
      roles[:orphan].count { |worker| role_of(worker) == :follower } >= roles[:follower].size / 2
    end
  end
end
