# frozen_string_literal: true

RSpec.describe "awaiting a revision in the whole fleet" do
  let(:etcd) { start_etcd }
  let(:asking) { client(etcd, fleet: "/fleet/") }

  def member(more = "", to: etcd, **options)
    process = ruby_process(<<~RUBY, to, **options)
      connect "/config/", fleet: "/fleet/", progress_interval: 0.3
      #{more}
      report true
      hear
    RUBY
    process.heard
    expect_soon("the member") { asking.fleet.members.any? { |one| one.pid == process.pid } }
    process
  end

  def left_behind
    etcd.ctl.read_prefix("/fleet/").keys.grep_v(%r{/members/}) + etcd.ctl.read_prefix("/fleet/answers/").keys
  end

  it "is complete when the readers of every member see it, and leaves no key behind" do
    processes = Array.new(3) { member }
    revision = asking.put("/config/limit", "5")
    report = asking.fleet.await(revision, timeout: 10)
    expect(report).to be_complete
    expect(report.reached.map(&:pid)).to match_array(processes.map(&:pid))
    expect(report.to_s).to match(/\A3 of 3 at revision #{revision} after \d+ ms\z/)
    expect(left_behind).to eq []
    expect(etcd.ctl.leases.size).to eq 3
  end

  it "does not count a member before its readers see the revision" do
    one = member
    ahead = etcd.ctl.current_revision + 1_000
    report = asking.fleet.await(ahead, timeout: 1)
    expect(report).not_to be_complete
    expect(report.missing.map { |answer| [answer.pid, answer.revision < ahead] }).to eq [[one.pid, true]]
    expect(report.to_s).to match(/0 of 1 at .*missing: .* pid #{one.pid} \(at revision \d+, which/)

    ahead = etcd.ctl.current_revision + 4
    waiting = Thread.new { asking.fleet.await(ahead, timeout: 20) }
    expect_soon("the answer that it is behind") { etcd.ctl.read_prefix("/fleet/answers/").any? }
    expect(waiting).to be_alive
    5.times { etcd.ctl.put("/config/limit", "7") }
    expect(waiting.value).to be_complete
  end

  it "counts no answer of a lower revision, whichever process gave it" do
    etcd.ctl.put("/fleet/members/web-1/7", "{}")
    waiting = Thread.new { asking.fleet.await(5_000, timeout: 2) }
    id = expect_soon("the call") { etcd.ctl.read_prefix("/fleet/calls/").keys.first }[/\d+\z/]
    etcd.ctl.put("/fleet/answers/#{id}/web-1-7", '{"revision":4999,"age":0.5}', "--lease=#{id.to_i.to_s(16)}")
    expect(waiting.value.to_s)
      .to end_with "missing: web-1 pid 7 (at revision 4999, which etcd confirmed 500 ms before)"
  end

  it "is answered even if every Ruby thread of the member is busy, and a block of on_change hangs" do
    busy = member(<<~RUBY)
      EtcdDiscovery.on_change("/config/") { sleep }
      Thread.new { ("a" * 40 + "b").match?(/(a+)+$/) }
    RUBY
    report = asking.fleet.await(asking.put("/config/limit", "5"), timeout: 10)
    expect(report.reached.map(&:pid)).to eq [busy.pid]
  end

  it "names a member that is stopped, and waits no longer than requested" do
    well = member
    stopped = member
    stopped.signal(:STOP)
    started = Harness.now
    report = asking.fleet.await(asking.put("/config/limit", "5"), timeout: 1)
    expect(Harness.now - started).to be_between(1, 5)
    expect(report.reached.map(&:pid)).to eq [well.pid]
    expect(report.missing.map { |answer| [answer.host, answer.pid, answer.revision, answer.problem] })
      .to eq [[Socket.gethostname, stopped.pid, nil, "no answer"]]
    expect(left_behind).to eq []
    stopped.signal(:CONT)
  end

  it "does not wait for a member that has ended meanwhile, and reports that it has left" do
    stopped = member
    stopped.signal(:STOP)
    waiting = Thread.new { asking.fleet.await(1, timeout: 30) }
    expect_soon("the call") { etcd.ctl.read_prefix("/fleet/calls/").any? }
    etcd.ctl.delete("/fleet/members/#{Socket.gethostname}/#{stopped.pid}")
    report = waiting.value
    expect(report.left.map(&:pid)).to eq [stopped.pid]
    expect(report.seconds).to be < 20
  end

  it "is not complete without a member" do
    report = asking.fleet.await(1, timeout: 1)
    expect([report.complete?, report.to_s]).to eq [false, "no process is a member of the fleet"]
  end

  it "ends its call when it is interrupted, and by its lease when its caller is killed" do
    stopped = member
    stopped.signal(:STOP)
    waiting = Thread.new { asking.fleet.await(1, timeout: 60) }
    expect_soon("the call") { etcd.ctl.read_prefix("/fleet/calls/").any? }
    waiting.kill.join
    expect(left_behind).to eq []

    caller = ruby_process(<<~RUBY, etcd)
      configure fleet: "/fleet/", request_timeout: 0.5
      EtcdDiscovery.fleet.await(1, timeout: 1)
    RUBY
    expect_soon("the call") { etcd.ctl.read_prefix("/fleet/calls/").any? }
    caller.signal(:KILL)
    expect_soon("the end of the lease") { left_behind.empty? }
    stopped.signal(:CONT)
  end

  it "writes a call, an answer for each member and nothing else, and nothing at all while no one asks" do
    2.times { member }
    before = etcd.ctl.current_revision
    expect(asking.fleet.await(before, timeout: 10)).to be_complete
    # The call, two answers, and the end of the lease, which deletes all three at once.
    expect(etcd.ctl.current_revision - before).to eq 4
  end

  it "says what is wrong with a revision or a timeout before it asks any member" do
    expect { asking.fleet.await(0) }.to raise_error(ArgumentError, /a number above 0/)
    expect { asking.fleet.await(1, timeout: 0) }.to raise_error(ArgumentError, /seconds above 0/)
  end

  describe "with users" do
    let(:users) { Harness::EtcdUsers.new(etcd) }

    def as(name, **settings) = client(etcd, user: name, password: "secret", fleet: "/fleet/", **settings)

    it "is refused to a user who may not write to the fleet, with the missing permission" do
      users.add("app", "secret", prefix: "/config/").enforce
      expect { as("app").fleet.await(1) }
        .to raise_error(EtcdDiscovery::PermissionError, %r{readwrite --prefix=true /fleet/})
    end

    it "counts a member that may not answer as one that has not answered" do
      users.add("app", "secret", prefix: "/config/")
      users.add("boss", "secret", prefix: "/fleet/", access: "readwrite")
      users.grant("app", "readwrite", "--prefix=true", "/fleet/members/")
      users.grant("app", "read", "--prefix=true", "/fleet/calls/").enforce
      process = ruby_process('connect "/config/", fleet: "/fleet/", user: "app", password: "secret"
                              report true; hear', etcd)
      process.heard
      boss = as("boss")
      expect_soon("the member") { boss.fleet.members.any? }
      report = boss.fleet.await(1, timeout: 1)
      expect(report.missing.map(&:problem)).to eq ["no answer"]
    end

    it "a process that may not read the calls says so at its start" do
      users.add("app", "secret", prefix: "/config/").enforce
      follower = client(etcd, "/config/", user: "app", password: "secret", fleet: "/fleet/")
      expect { follower.start }.to raise_error(EtcdDiscovery::PermissionError, %r{/fleet/calls/})
    end
  end
end
