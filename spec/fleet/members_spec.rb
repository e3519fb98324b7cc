# frozen_string_literal: true

require "json"

RSpec.describe "the members of a fleet" do
  let(:etcd) { start_etcd }
  let(:asking) { client(etcd, fleet: "/fleet/") }

  let(:fleet) { 'connect "/config/", fleet: "/fleet/"' }

  def keys = etcd.ctl.read_prefix("/fleet/").keys

  def pids = asking.fleet.members.map(&:pid)

  it "are all processes that follow etcd, each with its host, pid, program and version" do
    process = ruby_process("#{fleet}\nreport true\nhear", etcd)
    process.heard
    expect_soon("the member") { pids == [process.pid] }
    member = asking.fleet.members.first
    expect(member.to_h).to include(host: Socket.gethostname, parent_pid: Process.pid, role: :worker,
                                   version: EtcdDiscovery::VERSION, program: /snippet\.rb/)
    expect(member.started_at).to be_within(60).of(Time.now)
    expect(keys).to eq ["/fleet/members/#{Socket.gethostname}/#{process.pid}"]
  end

  it "are not among the application's registrations, and their failures leave it healthy" do
    process = ruby_process("#{fleet}\nreport true\nhear\nreport EtcdDiscovery.status.registrations", etcd)
    process.heard
    expect_soon("the member") { pids.any? }
    process.tell
    expect(process.heard).to eq []
  end

  it "leave when they end or stop, and after a kill once their lease has expired" do
    process = ruby_process("#{fleet}\nreport true\nhear\nEtcdDiscovery.stop\nreport 1\nhear", etcd)
    process.heard
    expect_soon("the member") { pids.any? }
    process.tell
    process.heard
    expect(keys).to eq []

    killed = ruby_process("#{fleet}\nreport true\nhear", etcd)
    killed.heard
    expect_soon("the member") { pids.any? }
    killed.signal(:KILL)
    expect_soon("the end of its lease") { keys.empty? }
  end

  it "include forked children, each for itself; a process that has forked others is their parent" do
    process = ruby_process(<<~RUBY, etcd)
      #{fleet}
      children = Array.new(2) { fork { EtcdDiscovery.after_fork; report Process.pid; hear; exit!(0) } }
      report children
      hear
    RUBY
    children = Array.new(3) { process.heard }.flatten.uniq
    expect_soon("all of them") { pids.sort == [process.pid, *children].sort }
    roles = asking.fleet.members.to_h { |member| [member.pid, member.role] }
    expect(roles).to eq(process.pid => :parent, children[0] => :worker, children[1] => :worker)
  end

  it "do not include processes that only write, register or ask" do
    asking.put("/config/limit", "1")
    asking.fleet.await(1, timeout: 0.1)
    asking.register("b", "10.1.1.60:8081", ttl: 10).wait(timeout: 30)
    expect(keys).to eq []
  end

  it "are distinguished from other keys under the prefix" do
    etcd.ctl.put("/fleet/members/web-1/4711", "\xff no JSON")
    etcd.ctl.put("/fleet/members/web-1/abc", "{}")
    etcd.ctl.put("/fleet/members/web-2/7", '{"layers":[1,"/a/"],"started_at":"soon","parent_pid":1}')
    expect(asking.fleet.members.map { |member| [member.to_s, member.layers] })
      .to eq [["web-1 pid 4711", []], ["web-2 pid 7", ["/a/"]]]
  end

  it "are shown in one line of text that no terminal acts on, whatever their keys have" do
    ["web\e[2J\n".b, "\xff".b, "é"].each_with_index do |host, pid|
      etcd.ctl.put("/fleet/members/#{host}/#{pid}", "{}")
    end
    names = ['web\x1b[2J\n pid 0', "é pid 2", '\xff pid 1']
    expect(asking.fleet.members.map(&:to_s)).to match_array names
    report = asking.fleet.await(1, timeout: 0.1)
    expect(report.to_s).to include(*names)
    expect(report.inspect).to be_valid_encoding
  end

  it "are asked with a time that has an end" do
    [Float::INFINITY, 1e300, Float::NAN, 0].each do |timeout|
      expect { asking.fleet.await(1, timeout:) }.to raise_error(ArgumentError, /timeout: expected seconds/)
    end
    expect { asking.fleet.await(2**63) }.to raise_error(ArgumentError, /below 2\*\*63/)
  end

  it "need a prefix: without one the error says what to set" do
    expect { client(etcd).fleet }.to raise_error(EtcdDiscovery::ConfigurationError, /ETCDDISCOVERY_FLEET/)
    expect { client(etcd, fleet: "/fleet") }.to raise_error(EtcdDiscovery::ConfigurationError, /slash/)
  end

  it "are only this process without etcd" do
    alone = EtcdDiscovery::Client.new(source: "memory", watch: ["/config/"], fleet: "/fleet/")
    revision = alone.start.put("/config/limit", "1")
    expect(alone.fleet.members.map(&:pid)).to eq [Process.pid]
    expect(alone.fleet.await(revision)).to be_complete
    expect(alone.fleet.await(revision + 5, timeout: 0.05)).not_to be_complete
  end
end
