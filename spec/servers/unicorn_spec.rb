# frozen_string_literal: true

require_relative "unicorn_examples"

RSpec.describe "a Rails application on unicorn" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/service/b", "first") } }

  def connections(pid) = Harness::ProcessTable.connections(pid, etcd.port)

  def sockets(pid) = Harness::ProcessTable.socket_inodes(pid)

  before { unicorn }

  context "with preload_app and EtcdDiscovery.after_fork, as in the example" do
    let(:unicorn) { start_unicorn(etcd) }

    it_behaves_like "unicorn workers that follow etcd"

    it "a worker killed while etcd is down: its successor's first answer is the last that was known" do
      etcd.kill9
      before = unicorn.worker_pids
      unicorn.signal(:KILL, before.first)
      successor = wait_until("a successor") do
        (unicorn.worker_pids - before).find { |pid| File.socket?(unicorn.socket(pid)) }
      end
      expect(unicorn.ask(successor)["value"]).to eq "first"
    end

    it "no worker has a socket of the master's to etcd, and the master keeps its own through it all" do
      master = unicorn.master_pid
      own = connections(master)
      expect(own).not_to be_empty
      5.times do
        victim = unicorn.worker_pids.first
        unicorn.signal(:KILL, victim)
        unicorn.await_workers(4, without: [victim])
      end
      expect(connections(master)).to match_array own
      expect(unicorn.worker_pids.flat_map { |pid| sockets(pid) & own }).to be_empty
    end

    it "no two workers share a socket to etcd" do
      etcd.ctl.put("/service/b", "second")
      wait_until("all to follow") { unicorn.ask_all.values.all? { |answer| answer["value"] == "second" } }
      per_worker = unicorn.worker_pids.map { |pid| connections(pid) }
      expect(per_worker).to all(be_any)
      expect(per_worker.flatten.tally.values).to all(eq(1))
    end
  end

  context "with preload_app, and nothing in after_fork" do
    let(:unicorn) { start_unicorn(etcd, config: File.expand_path("automatic.rb", __dir__)) }

    it_behaves_like "unicorn workers that follow etcd"
  end

  context "without preload_app" do
    let(:unicorn) { start_unicorn(etcd, config: File.expand_path("no_preload.rb", __dir__)) }

    it_behaves_like "unicorn workers that follow etcd"
  end
end
