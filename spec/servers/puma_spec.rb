# frozen_string_literal: true

require_relative "promises"

RSpec.describe "puma", gems: %w[puma] do
  include_context "with one server for all examples"

  context "in single mode" do
    before(:context) { serve(Harness::PumaServer, workers: 0) }

    it_behaves_like "a server whose processes follow etcd"
  end

  context "in single mode, with the plugin" do
    before(:context) { serve(Harness::PumaServer, workers: 0, config: "plugin :etcd_discovery\n") }

    it_behaves_like "a server whose processes follow etcd"

    # Under Ruby 3.3 and 3.4 puma sometimes hangs: IO#close waits forever for the signal handler that has just
    # written to that IO. While a request is under way, puma closes it later.
    def while_it_answers
      busy = Thread.new { server.get("/until/released") }
      expect_soon("the request") { server.ask(server.master_pid)["busy"] }
      yield
      etcd.ctl.put("/service/released", "now")
      expect(busy.value).to include("pid" => server.master_pid)
    end

    def reading_requests? = Harness::ProcessTable.threads(server.master_pid).include?("puma reactor")

    it "USR2: registrations are withdrawn, although puma's exec skips at_exit, and made again" do
      expect_all_to_follow
      lease = etcd.ctl.lease_of(announced.fetch(0))
      known = leases
      while_it_answers do
        server.signal(:USR2)
        expect_soon("puma to take the signal") { !reading_requests? }
      end
      expect_soon("another lease", timeout: 60) { (leases - known).any? }
      expect(leases).not_to include(lease)
      expect_soon("an answer after the restart", timeout: 60) { server.answers?(server.master_pid) }
      expect_all_to_follow
    end
  end

  context "with preload_app!" do
    before(:context) { serve(Harness::PumaServer, config: "preload_app!\n") }

    it_behaves_like "a server whose processes follow etcd"
    it_behaves_like "a server that forks from a living copy"
  end

  context "with preload_app! and the plugin" do
    before(:context) { serve(Harness::PumaServer, config: "preload_app!\nplugin :etcd_discovery\n") }

    it_behaves_like "a server whose processes follow etcd"
    it_behaves_like "a server that forks from a living copy"
  end

  context "with the plugin and an application that starts nothing" do
    def ready(server) = server.ask_all.values.map { |answer| answer["ready"] }

    def lazy(**options)
      start_server(Harness::PumaServer, start_etcd, **options, env: { "LAZY" => "1" })
    end

    it "single mode: there is a copy before the first read" do
      server = lazy(workers: 0, config: "plugin :etcd_discovery\n")
      expect_soon("a copy") { ready(server) == [true] }
    end

    it "preload_app!: there is a copy before puma forks" do
      expect(ready(lazy(config: "preload_app!\nplugin :etcd_discovery\n"))).to eq [true, true]
    end

    it "etcd is away: puma still starts, says so in one line, and the copy comes later" do
      proxy = start_proxy(start_etcd)
      proxy.refuse
      server = start_server(Harness::PumaServer, proxy, workers: 0, config: "plugin :etcd_discovery\n",
                                                        env: { "LAZY" => "1",
                                                               "ETCDDISCOVERY_BOOT_TIMEOUT" => "0.5" })
      expect_soon("a word about it") { File.read(server.log).scan("without a first copy").one? }
      expect(ready(server)).to eq [false]
      proxy.pass
      expect_soon("a copy") { ready(server) == [true] }
    end
  end

  context "with fork_worker and the hook" do
    before(:context) do
      serve(Harness::PumaServer, workers: 3,
                                 config: "fork_worker\non_worker_boot { EtcdDiscovery.after_fork }\n")
    end

    it_behaves_like "a server whose processes follow etcd"
    it_behaves_like "a server that forks from a living copy"

    it "URG: worker 0 forks all others again, from its own copy and without listing" do
      expect_all_to_follow
      parent = server.parent_pid
      others = server.worker_pids - [parent]
      sent = proxy.stats.fetch("down")
      server.signal(:URG)
      server.await_workers(3, without: others)
      expect_all_to_follow
      expect(server.parent_pid).to eq parent
      expect(proxy.stats.fetch("down") - sent).to be < listing
    end
  end

  context "without preloading" do
    before(:context) { serve(Harness::PumaServer, config: "preload_app! false\nplugin :etcd_discovery\n") }

    it_behaves_like "a server whose processes follow etcd"

    it "USR1: the workers are replaced one after another; each removes its registration" do
      expect_all_to_follow
      workers = server.worker_pids
      server.signal(:USR1)
      pids = server.await_workers(2, without: workers)
      expect_all_to_follow
      expect_soon("none but #{pids} announced") do
        announced.map { |key| File.basename(key).to_i }.sort == pids
      end
    end

    it "TERM: a worker withdraws its registration before its last request is done" do
      expect_all_to_follow
      busy = Thread.new { server.get("/until/released") }
      worker = expect_soon("a worker with a request") do
        server.worker_pids.find { |pid| server.ask(pid)["busy"] }
      end
      Process.kill(:TERM, worker)
      expect_soon("no registration of #{worker}") { announced.none? { |key| key.end_with?("/#{worker}") } }
      expect(server.ask(worker)["busy"]).to be true
      etcd.ctl.put("/service/released", "now")
      expect(busy.value).to include("pid" => worker)
      server.await_workers(2, without: [worker])
    end
  end
end
