# frozen_string_literal: true

require "json"
require "open3"

RSpec.describe "a fleet of eight workers of unicorn", gems: %w[unicorn] do
  let(:etcd) { start_etcd }

  def serve(config)
    etcd.ctl.put("/service/b", "first")
    @server = start_server(Harness::UnicornServer, etcd, application: Harness::AppServer::SMALL, workers: 8,
                                                         config:, env: { "ETCDDISCOVERY_FLEET" => "/fleet/" })
    members = -> { etcd.ctl.read_prefix("/fleet/members/").size }
    expect_soon("nine members at most, and all workers", timeout: 60) { members.call >= 8 }
    @server
  end

  # Output, errors, exit status.
  def run_cli(*arguments)
    out, err, status = Open3.capture3(*command_line("--endpoints", etcd.endpoint, "--fleet", "/fleet/",
                                                    *arguments))
    [out, err, status.exitstatus]
  end

  def calls = etcd.ctl.read_prefix("/fleet/").keys.grep_v(%r{\A/fleet/members/})

  it "put --await says 8 of 8, names a worker that is stopped, and leaves no key of the call behind",
     own_watch: "the stopped worker must not be the one that the others read from" do
    server = serve("preload_app false\n")
    out, err, status = run_cli("put", "/service/b", "1", "--await", "20s")
    expect([err, status]).to eq ["", 0]
    expect(out.lines.last).to match(/\A8 of 8 at revision #{out[/\d+/]} after \d+ ms\n\z/)

    stopped = server.worker_pids.first
    Process.kill(:STOP, stopped)
    out, err, status = run_cli("put", "/service/b", "2", "--await", "2s")
    expect([err, status]).to eq ["", 7]
    expect(out.lines.last)
      .to match(/\A7 of 8 at revision \d+ after 2(\.\d)? s; missing: #{Socket.gethostname} pid #{stopped} \(/)
    expect(etcd.ctl.get("/service/b")).to eq "2"
    expect(calls).to eq []
    Process.kill(:CONT, stopped)
  end

  it "calls a master that preloads the application too, and counts it apart" do
    server = serve("preload_app true\nafter_fork { |_server, _worker| EtcdDiscovery.after_fork }\n")
    expect_soon("the master too", timeout: 60) { etcd.ctl.read_prefix("/fleet/members/").size == 9 }
    out, _, status = run_cli("put", "/service/b", "1", "--await", "20s")
    expect(status).to eq 0
    expect(out.lines.last).to match(/\A8 of 8 \(and 1 of 1 parent processes\) at revision/)
    roles = run_cli("fleet", "--json", "--await", "20s").first.lines.map { |line| JSON.parse(line) }
    expect(roles.find { |one| one["role"] == "parent" }["pid"]).to eq server.master_pid
    expect(roles.map { |one| one["pid"] }).to match_array([server.master_pid, *server.worker_pids])
  end
end
