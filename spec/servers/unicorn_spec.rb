# frozen_string_literal: true

require_relative "promises"

RSpec.describe "unicorn", gems: %w[unicorn] do
  include_context "with one server for all examples"

  def serve_small(config)
    serve(Harness::UnicornServer, application: Harness::AppServer::SMALL, workers: 2, config:)
  end

  shared_examples "unicorn that restarts" do
    it "HUP: the workers are replaced" do
      expect_all_to_follow
      workers = server.worker_pids
      server.signal(:HUP)
      server.await_workers(2, without: workers)
      expect_all_to_follow
    end

    it "USR2 and QUIT: another master takes over, and the first removes its own registration" do
      expect_all_to_follow
      first = server.master_pid
      workers = server.worker_pids
      server.signal(:USR2)
      expect_soon("a second master", timeout: 60) { (server.master_pids - [first]).any? }
      server.await_workers(2, without: workers)
      server.signal(:QUIT, first)
      expect_soon("the end of the first", timeout: 60) { server.master_pids == [server.master_pid] }
      expect_all_to_follow
      living = [server.master_pid, *server.worker_pids].map(&:to_s)
      # An ending process waits a second until etcd confirms this. A busy etcd may confirm later, but long
      # before the lease ends.
      expect_soon("none but #{living} announced") do
        (announced.map { |key| File.basename(key) } - living).empty?
      end
    end
  end

  context "with preload_app and the hook" do
    before(:context) do
      serve_small("preload_app true\nafter_fork { |_server, _worker| EtcdDiscovery.after_fork }\n")
    end

    it_behaves_like "a server whose processes follow etcd"
    it_behaves_like "a server that forks from a living copy"
    it_behaves_like "unicorn that restarts"
  end

  context "with preload_app, and nothing in after_fork" do
    before(:context) { serve_small("preload_app true\n") }

    it_behaves_like "a server whose processes follow etcd"
    it_behaves_like "a server that forks from a living copy"
    it_behaves_like "unicorn that restarts"
  end

  context "without preload_app" do
    before(:context) { serve_small("preload_app false\n") }

    it_behaves_like "a server whose processes follow etcd"
    it_behaves_like "unicorn that restarts"
  end
end
