# frozen_string_literal: true

require "json"
require "open3"
require "rbconfig"

RSpec.describe "the command line" do
  let(:etcd) { start_etcd }

  def command(*arguments)
    root = File.expand_path("../..", __dir__)
    [{ "ETCD_DISCOVERY_ENDPOINTS" => etcd.endpoint },
     RbConfig.ruby, "-I", File.join(root, "lib"), File.join(root, "exe/etcd_discovery"), *arguments]
  end

  # Output, errors, exit status.
  def run_cli(*arguments)
    out, err, status = Open3.capture3(*command(*arguments))
    [out, err, status.exitstatus]
  end

  it "puts, gets and lists, for people and for machines" do
    expect(run_cli("put", "/service/b", "10.1.1.60:8081").last).to eq 0
    expect(run_cli("get", "/service/b")).to eq ["10.1.1.60:8081\n", "", 0]
    etcd.ctl.put("/service/long", "x")
    expect(run_cli("list", "/service/").first).to eq "/service/b     10.1.1.60:8081\n/service/long  x\n"
    lines = run_cli("list", "/service/", "--json").first.lines.map { |line| JSON.parse(line) }
    expect(lines.first).to eq("key" => "/service/b", "value" => "10.1.1.60:8081")
  end

  it "tells by its exit status what went wrong, and in a sentence" do
    expect(run_cli("get", "/nowhere")).to eq ["", "", 3]
    expect(run_cli("juggle")).to match ["", /unknown command: juggle/, 2]
    expect(run_cli("get")).to match ["", /wrong number of arguments/, 2]
    expect(run_cli("--endpoints", "http://127.0.0.1:1", "--timeout", "1", "get", "/a"))
      .to match ["", /etcd_discovery: .*127.0.0.1:1/, 4]
    expect(run_cli("--help")).to match [/Exit status: 0 done/, "", 0]
  end

  it "shows the instances of services, and how etcd fares" do
    etcd.ctl.put("/service/b/one", "10.1.1.60:8081")
    etcd.ctl.put("/service/b/two", '{"Op":0,"Addr":"10.1.1.61:8081","Metadata":{"weight":2}}')
    expect(run_cli("services").first.lines.map(&:split))
      .to eq [%w[/service/b 10.1.1.60:8081 1 /service/b/one],
              %w[/service/b 10.1.1.61:8081 2.0 /service/b/two]]
    expect(JSON.parse(run_cli("status", "--json").first))
      .to include("state" => "watching", "endpoint" => etcd.endpoint)
  end

  it "announces an instance while a command runs, and ends with the command's status" do
    key = "/service/b/one"
    child = %(sleep 0.02 until File.exist?(ARGV[0]); exit 7)
    Dir.mktmpdir do |folder|
      pid = Process.spawn(*command("register", "b", "10.1.1.60:8081", "--id", "one", "--ttl", "2", "--",
                                   RbConfig.ruby, "-e", child, File.join(folder, "end")))
      expect_soon("the instance", timeout: 60) { etcd.ctl.get(key) == "10.1.1.60:8081" }
      File.write(File.join(folder, "end"), "")
      expect(Process.wait2(pid).last.exitstatus).to eq 7
    end
    expect(etcd.ctl.get(key)).to be_nil
  end

  it "passes signals on to the command, and withdraws the instance when it has ended" do
    child = %($stdout.sync = true; trap("TERM") { puts "told"; exit 3 }; puts "ready"; sleep)
    words = ["register", "b", "a:1", "--id", "one", "--ttl", "2", "--", RbConfig.ruby, "-e", child]
    Open3.popen2(*command(*words)) do |_, out, cli|
      expect(out.gets).to eq "ready\n"
      expect_soon("the instance", timeout: 60) { etcd.ctl.get("/service/b/one") }
      Process.kill(:TERM, cli.pid)
      expect(out.gets).to eq "told\n"
      expect(cli.value.exitstatus).to eq 3
    end
    expect(etcd.ctl.get("/service/b/one")).to be_nil
  end
end
