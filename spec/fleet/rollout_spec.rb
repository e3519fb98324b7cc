# frozen_string_literal: true

require "json"
require "open3"

RSpec.describe "a rollout over the hosts of a fleet" do
  let(:etcd) { start_etcd }
  let(:name) { "checkout/limit" }
  let(:operator) { client(etcd, fleet: "/fleet/") }

  before { etcd.ctl.put("/production/checkout/limit", "old") }

  # A process on another host, as far as it knows.
  def host(host)
    process = ruby_process(<<~RUBY, etcd)
      EtcdDiscovery::Fleet::Membership.define_singleton_method(:host) { #{host.inspect} }
      configure(fleet: "/fleet/", layers: ["/over/", "/hosts/#{host}/", "/production/"])
      EtcdDiscovery.start
      report true
      while (name = hear)
        keys = ["/hosts/#{host}/", "/production/"].map { |layer| layer + name.chomp }
        report keys.filter_map { |key| EtcdDiscovery[key] }.first
      end
    RUBY
    process.heard
    expect_soon("the member #{host}") { etcd.ctl.read_prefix("/fleet/members/#{host}/").any? }
    process
  end

  def hosts(count) = @hosts = Array.new(count) { |number| host("web-#{number}") }

  def values(of = name)
    @hosts.map do |process|
      process.tell(of)
      process.heard
    end
  end

  def rollout(**options)
    EtcdDiscovery::Rollout.new(name, "new", client: operator, pause: 0, timeout: 20, **options)
  end

  def overrides = etcd.ctl.read_prefix("/hosts/")

  # What is there besides the members, their leases and the values of production.
  def left_behind
    keys = etcd.ctl.read_prefix("/fleet/").keys.grep_v(%r{\A/fleet/members/}) + overrides.keys
    keys + (["a lease"] * (etcd.ctl.leases.size - @hosts.size))
  end

  def command(*arguments)
    command_line("--endpoints", etcd.endpoint, "--fleet", "/fleet/", "rollout", name, "new", *arguments)
  end

  it "gives the value to some hosts after others, and at the end to all by the layer that they share" do
    hosts(3)
    seen = []
    revision = rollout(steps: [1, "50%", :all], check: -> { seen << values }, by: "ann").run
    expect(seen).to eq [%w[new old old], %w[new new old], %w[new new new]]
    expect(etcd.ctl.read_prefix("/production/")).to eq("/production/checkout/limit" => "new")
    expect(etcd.ctl.mod_revision_of("/production/checkout/limit")).to eq revision
    expect(left_behind).to eq []
    expect_soon("the value everywhere") { values.uniq == %w[new] }
  end

  it "tells what it does, and writes it down in the change log" do
    hosts(2)
    logging = client(etcd, fleet: "/fleet/", change_log: "/log/")
    stages = []
    rollout(client: logging, check: -> { true }, note: "sale").run { |progress| stages << progress }
    each = %i[overridden awaited pausing checked]
    expect(stages.map(&:stage)).to eq [*each, *each, :written, :awaited]
    expect(stages.first.to_s).to match(/\Astep 1 of 2: 1 of 2 hosts at revision \d+: web-0\z/)
    entries = etcd.ctl.read_prefix("/log/").values.map { |json| JSON.parse(json) }
    expect(entries.map { |entry| entry["keys"].map { |item| item["key"] } })
      .to eq [["/hosts/web-0/checkout/limit"], ["/hosts/web-1/checkout/limit"],
              ["/production/checkout/limit"]]
    expect(entries.map { |entry| entry.values_at("action", "note") }.uniq).to eq [%w[rollout sale]]
  end

  it "reverts when a check fails: every host has the old value, and nothing else is left" do
    hosts(2)
    stages = []
    failing = rollout(check: ->(progress) { progress.to_h[:hosts].size < 2 })
    expect { failing.run { |progress| stages << progress.stage } }
      .to raise_error(EtcdDiscovery::RolloutError,
                      /checkout.limit was stopped: the check failed; every host gets/)
    expect(stages.last).to eq :reverted
    expect(left_behind).to eq []
    expect_soon("the old value everywhere") { values == %w[old old] }
    expect(etcd.ctl.get("/production/checkout/limit")).to eq "old"
  end

  it "reverts when a process of a host does not get the value" do
    hosts(2)
    @hosts.first.signal(:STOP)
    expect { rollout(timeout: 1).run }
      .to raise_error(EtcdDiscovery::RolloutError,
                      /not every process has it: web-0 pid #{@hosts.first.pid} \(no/)
    expect(left_behind).to eq []
    @hosts.first.signal(:CONT)
  end

  it "reverts when its lease ends, and does not write the value for all" do
    hosts(2)
    revoke = lambda do
      lease = etcd.ctl.lease_of("/hosts/web-0/checkout/limit")
      etcd.ctl.revoke(lease)
    end
    expect { rollout(check: revoke, ttl: 2).run }.to raise_error(EtcdDiscovery::RolloutError)
    expect(etcd.ctl.get("/production/checkout/limit")).to eq "old"
    expect(left_behind).to eq []
  end

  it "reverts when somebody has changed the shared value meanwhile, and leaves theirs" do
    hosts(2)
    meddle = -> { etcd.ctl.put("/production/checkout/limit", "theirs") }
    expect { rollout(check: meddle).run }
      .to raise_error(EtcdDiscovery::RolloutError,
                      %r{"/production/checkout/limit" has changed since revision})
    expect(etcd.ctl.get("/production/checkout/limit")).to eq "theirs"
    expect(left_behind).to eq []
  end

  it "writes nothing where a key stands in the way, or hosts have no layers of their own" do
    hosts(1)
    etcd.ctl.put("/hosts/web-0/checkout/limit", "its own")
    before = etcd.ctl.current_revision
    expect { rollout.run }
      .to raise_error(EtcdDiscovery::ConflictError,
                      %r{"/hosts/web-0/checkout/limit" exists.*nothing was written})
    etcd.ctl.put("/fleet/members/web-9/1", '{"layers":["/production/"]}')
    expect { rollout.run }
      .to raise_error(EtcdDiscovery::ConfigurationError,
                      /web-9 pid 1 has no layer of its own.*nothing was written/)
    expect(etcd.ctl.current_revision).to eq before + 1
    expect(etcd.ctl.get("/hosts/web-0/checkout/limit")).to eq "its own"
  end

  it "refuses a value that a declared setting does not take" do
    stub_const("LimitSettings", Class.new(EtcdDiscovery::Settings) do
      prefix "/checkout/"
      field :limit, type: :integer, default: 1, in: 1..10
    end)
    check = lambda { |text|
      EtcdDiscovery::Settings.const_get(:TextCheck).check("/production/checkout/limit", text, ["/production"])
    }
    expect { check.call("11") }.to raise_error(EtcdDiscovery::InvalidValueError, /not in 1..10; nothing was/)
    expect { check.call("ten") }.to raise_error(EtcdDiscovery::InvalidValueError, /is no integer/)
    expect(check.call("10")).to eq "10"
  end

  describe "from the command line" do
    def run_cli(*arguments)
      out, err, status = Open3.capture3(*command(*arguments))
      [out, err, status.exitstatus]
    end

    it "prints each step, runs the check with what it is about, and ends with 0" do
      hosts(2)
      out, err, status = run_cli("--pause", "100ms", "--await", "20s", "--check",
                                 "echo $ROLLOUT_NAME $ROLLOUT_STEP $ROLLOUT_HOSTS")
      expect(status).to eq 0
      expect(err).to eq "checkout/limit 1 web-0\ncheckout/limit 2 web-0 web-1\n"
      expect(out.lines.first).to start_with("step 1 of 2: 1 of 2 hosts at revision")
      expect(out).to include("  2 of 2 at revision", "  waiting 100 ms", "  the check passed",
                             "/production/checkout/limit has the value, at revision")
      expect(left_behind).to eq []
    end

    it "ends with 9 when the check fails or is not over in time, with the hosts at the old value" do
      hosts(2)
      out, err, status = run_cli("--pause", "0s", "--await", "20s", "--check", "exit 3", "--json")
      expect([status, err]).to match [9, /was stopped: the check failed \(exit status 3\); every host gets/]
      expect(out.lines.map { |line| JSON.parse(line)["stage"] }).to eq %w[overridden awaited pausing reverted]
      expect(left_behind).to eq []
      _, err, status = run_cli("--pause", "0s", "--await", "20s", "--check", "sleep 60", "--check-timeout",
                               "300ms")
      expect([status, err]).to match [9, /the check was not over in 0.3 s/]
      expect(left_behind).to eq []
      expect(etcd.ctl.get("/production/checkout/limit")).to eq "old"
    end

    it "ends with 9 when it is interrupted or terminated, also in the middle of the check" do
      hosts(1)
      { INT: [], TERM: ["--check", "sleep 60"] }.each do |signal, check|
        process = talking_process(*command("--await", "20s", "--pause", check.empty? ? "60s" : "0s", *check))
        process.line until overrides.any?
        expect(process.stop(signal).exitstatus).to eq 9
        expect(left_behind).to eq []
      end
      expect(values).to eq %w[old]
    end

    it "says what is wrong with its arguments before anything is written" do
      before = etcd.ctl.current_revision
      expect(run_cli("--steps", "1,10%")).to match ["", /the last step, and no other, is all/, 2]
      expect(run_cli("--pause", "long")).to match ["", /--pause: "long" is no time/, 2]
      expect(run_cli).to match ["", /the fleet has no member.*nothing was written/, 2]
      out = Open3.capture3(*command_line("--fleet", "/fleet/", "rollout", "/production/limit", "1"))
      expect(out[1]).to match(/no name in the layers/)
      expect(etcd.ctl.current_revision).to eq before
    end
  end

  # Each of ten operators rolls out another name, and is killed at a moment of its own; five times.
  it "leaves every host at the old value, and nothing else, when its operator is killed at any moment" do
    hosts(2)
    names = Array.new(10) { |number| "limit-#{number}" }
    names.each { |one| etcd.ctl.put("/production/#{one}", "old") }
    operators = ruby_process(<<~RUBY, etcd)
      while (name = hear)
        report(fork do
          client = EtcdDiscovery::Client.new(endpoints:, fleet: "/fleet/")
          hold = ->(progress) { progress.to_h[:hosts].one? || sleep }
          EtcdDiscovery::Rollout.new(name.chomp, "new", client:, pause: 0.2, ttl: 2, timeout: 20, check: hold).run
        end)
      end
    RUBY
    reached = 0
    5.times do
      pids = names.map do |one|
        operators.tell(one)
        operators.heard
      end
      pids.map { |pid| Thread.new { sleep(rand * 1.5).then { Process.kill(:KILL, pid) } } }.each(&:join)
      reached += overrides.size
      expect_soon("the end of the leases", timeout: 2 + 8) { left_behind.empty? }
      expect(etcd.ctl.read_prefix("/production/").values.uniq).to eq %w[old]
      expect_soon("the old value on every host") { names.all? { |one| values(one).uniq == %w[old] } }
    end
    expect(reached).to be_positive
  end

  it "needs the right to write to the fleet and to the layers, and says so before anything is written" do
    etcd.ctl.put("/fleet/members/web-0/1", '{"layers":["/hosts/web-0/","/production/"]}')
    users = Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/", access: "read")
    root = users.enforce
    denied = client(etcd, user: "app", password: "secret", fleet: "/fleet/", request_timeout: 10)
    expect do
      rollout(client: denied).run
    end.to raise_error(EtcdDiscovery::RegistrationError, /permission denied/)
    expect(root.read_prefix("/hosts/")).to eq({})
  end
end
