# frozen_string_literal: true

require "json"
require "open3"

RSpec.describe "the fleet from the command line" do
  let(:etcd) { start_etcd }

  # Output, errors, exit status.
  def run_cli(*arguments, env: {})
    out, err, status = Open3.capture3(env, *command_line("--endpoints", etcd.endpoint, *arguments))
    [out, err, status.exitstatus]
  end

  def fleet(*arguments) = run_cli("--fleet", "/fleet/", *arguments)

  def member
    process = ruby_process(<<~RUBY, etcd)
      connect "/config/", fleet: "/fleet/"
      report true
      hear
    RUBY
    process.heard
    key = "/fleet/members/#{Socket.gethostname}/#{process.pid}"
    expect_soon("the member") { etcd.ctl.get(key) }
    process
  end

  it "shows who does not answer first, then the slowest" do
    well = member
    stopped = member
    stopped.signal(:STOP)
    out, err, status = fleet("fleet", "--await", "500ms")
    expect([err, status]).to eq ["", 7]
    rows = out.lines.map(&:split)
    expect(rows.first.first(3)).to eq [Socket.gethostname, stopped.pid.to_s, "worker"]
    expect(rows[0]).to include("no", "answer")
    expect(rows[1].first(3)).to eq [Socket.gethostname, well.pid.to_s, "worker"]
    expect(rows[1]).to include("ms", EtcdDiscovery::VERSION)
    expect(out.lines.last).to start_with("1 of 2 at revision ")
    expect(rows[1]).to include("reconnects", "MiB")
    expect(rows[0]).not_to include("MiB")
    json = fleet("fleet", "--await", "500ms", "--json").first.lines.map { |line| JSON.parse(line) }
    expect(json[1].values_at("reconnects", "stale")).to eq [0, false]
    expect(json[1]["rss"]).to be_between(5_000_000, 1_000_000_000)
    expect(json.map { |one| one.values_at("pid", "reached") }).to eq [[stopped.pid, false], [well.pid, true]]
    stopped.signal(:CONT)
  end

  it "takes the prefix from the environment, and is no member itself" do
    one = member
    out, _, status = run_cli("fleet", "--await", "10s", env: { "ETCDDISCOVERY_FLEET" => "/fleet/" })
    expect([out.lines.size, status]).to eq [2, 0]
    expect(run_cli("get", "/config/a", env: { "ETCDDISCOVERY_FLEET" => "/fleet/" }).last).to eq 3
    own = "/fleet/members/#{Socket.gethostname}/#{one.pid}"
    expect(etcd.ctl.read_prefix("/fleet/members/").keys).to eq [own]
  end

  it "writes with --await, whatever the command, and says in JSON who is missing" do
    member
    expect(fleet("put", "/config/a", "1", "--await", "10s").last).to eq 0
    expect(fleet("rollback", "/config/a", "--to", "1", "--await", "10s").last).to eq 0
    out, _, status = fleet("put", "/config/a", "2", "--await", "10s", "--json")
    written, report = out.lines.map { |line| JSON.parse(line) }
    expect([status, report.values_at("complete", "missing", "revision")])
      .to eq [0, [true, [], written["revision"]]]
    expect(fleet("delete", "/config/a", "--await",
                 "10s").first.lines.last).to start_with("1 of 1 at revision")
  end

  it "takes a time in every form of a typed read" do
    member
    statuses = ["0m10s", "1h0.5m", "10000000us", "1d"].map { |time| fleet("fleet", "--await", time).last }
    expect(statuses).to all(eq(0))
  end

  it "says what is wrong before anything is written" do
    before = etcd.ctl.current_revision
    expect(run_cli("put", "/a", "1", "--await",
                   "2s")).to match ["", /no prefix is set.*ETCDDISCOVERY_FLEET/, 2]
    expect(fleet("put", "/a", "1", "--await", "soon")).to match ["", /"soon" is no time such as 2s/, 2]
    expect(run_cli("--fleet", "/fleet", "fleet")).to match ["", %r{fleet: "/fleet" is not a prefix}, 2]
    expect(fleet("get", "/a", "--await", "2s")).to match ["", /get: there is no --await for this command/, 2]
    expect(fleet("fleet")).to match ["no process is a member of the fleet\n", "", 3]
    expect(etcd.ctl.current_revision).to eq before
  end

  it "escapes what a member says of itself, and colours who is missing on a terminal only" do
    etcd.ctl.put("/fleet/members/web-1/7", %({"program":"\\u001b[2Jevil","version":"1"}))
    out, = fleet("fleet", "--await", "100ms")
    expect(out).to include('"\x1b[2Jevil"')
    expect(out).not_to include("\e")
    lines = terminal_lines(*command_line("--endpoints", etcd.endpoint, "--fleet", "/fleet/", "fleet",
                                         "--await", "100ms"))
    expect(lines.first).to start_with("\e[31mweb-1  7")
  end
end
