# frozen_string_literal: true

require_relative "host"

RSpec.describe "a process that joins a host with a leader" do
  include_context "with a host"

  it "reads its first value without a connection to etcd" do
    proxy = start_proxy(etcd)
    leader_and_followers(0, proxy)
    accepted = proxy.accepted
    late = member(proxy)
    expect([value_of(late), role_of(late)]).to eq ["first", :follower]
    expect(proxy.accepted).to eq accepted
    expect(Harness::ProcessTable.connections(late.pid, proxy.port)).to eq []
  end

  it "reads its first value also while etcd is stopped (SIGSTOP), with the age that it has" do
    leader, = leader_and_followers(0)
    etcd.pause
    late = member(boot_timeout: 120)
    expect(value_of(late)).to eq "first"
    expect(ask(late, "EtcdDiscovery.status.leader_pid")).to eq leader.pid
    expect(ask(late, "EtcdDiscovery.status.age")).to be > 0
  ensure
    etcd.continue
  end

  it "connects when it writes, and reads its own write" do
    proxy = start_proxy(etcd)
    leader_and_followers(0, proxy)
    late = member(proxy)
    20.times do |number|
      read = ask(late, <<~RUBY)
        revision = EtcdDiscovery.put("/service/b", "#{number}")
        EtcdDiscovery.wait_for_revision(revision, timeout: 30)
        EtcdDiscovery["/service/b"]
      RUBY
      expect(read).to eq number.to_s
    end
    expect(Harness::ProcessTable.connections(late.pid, proxy.port)).not_to be_empty
    expect_one_watch
  end
end
