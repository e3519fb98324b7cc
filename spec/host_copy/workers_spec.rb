# frozen_string_literal: true

require_relative "host"

RSpec.describe "a host with many workers of unicorn", gems: %w[unicorn] do
  include_context "with a host"

  def serve(workers)
    config = "preload_app true\ntimeout 120\n"
    start_server(Harness::UnicornServer, etcd, workers:, config:, application: Harness::AppServer::SMALL,
                                               env: { "ETCDDISCOVERY_HOST_COPY" => folder })
  end

  def expect_all_to_follow(servers, value)
    etcd.ctl.put("/service/b", value)
    servers.each do |server|
      expect_soon("#{value} from every worker, and in its on_change", timeout: 120) do
        server.ask_all.values.all? { |answer| answer["value"] == value && answer["received"].last == value }
      end
    end
  end

  it "has one watch for 32 workers of one master and 8 of a second command, and a change reaches all" do
    servers = [serve(32), serve(8)]
    expect_all_to_follow(servers, "second")
    expect_one_watch
    answers = servers.flat_map { |server| server.ask_all.values }
    expect(answers.map { |answer| answer["host_copy_error"] }).to eq Array.new(40)
    expect(answers.map { |answer| answer["leader_pid"] }.uniq.size).to eq 1
    expect(answers.map { |answer| answer["role"] }.uniq - %w[leader follower]).to eq []

    leader = answers.first["leader_pid"]
    Process.kill(:KILL, leader)
    expect_soon("another leader") { ![leader, nil].include?(HostCopy.lock_holder(folder)) }
    # A master that led does not come back; a worker does.
    living = servers.select { |server| Harness::ProcessTable.alive?(server.master_pid || 0) }
    living.each { |server| server.await_workers(server.equal?(servers.first) ? 32 : 8) }
    expect_all_to_follow(living, "third")
    expect_one_watch
  end
end
