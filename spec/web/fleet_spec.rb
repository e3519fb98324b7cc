# frozen_string_literal: true

RSpec.describe "the page of a fleet" do
  let(:etcd) { start_etcd }
  let(:reader) { client(etcd, "/shop/", fleet: "/shop/fleet/").start }
  let(:browser) { Harness::PageRequests.new(page_of(reader)) }

  def page_of(client) = EtcdDiscovery::Web.new(client:, write: true, authorize: ->(_env) { "ann" })

  # Another process that is a member, behind a proxy that can be cut.
  def member(target)
    ruby_process(<<~RUBY, target).heard
      connect "/shop/", fleet: "/shop/fleet/"
      report Process.pid
      hear
    RUBY
  end

  def members = reader.fleet.members.map(&:pid)

  it "the overview has every member with its revision and age, and says who does not answer" do
    proxy = start_proxy(etcd)
    far = member(proxy)
    near = member(etcd)
    expect_soon("all members") { ([Process.pid, near, far] - members).empty? }
    body = browser.get("/").body
    rows = body.scan(%r{<tr id="p-[^"]*-(\d+)">(.*?)</tr>}m).to_h
    expect(rows.keys.map(&:to_i)).to include(Process.pid, near, far)
    expect(rows.values).to all(include(">Live<"))
    proxy.blackhole
    reader.put("/shop/limit", "2")
    # A roll call is good for ten seconds. By then the lease of this member has ended, so a page that has made
    # none yet looks.
    another = Harness::PageRequests.new(page_of(client(etcd, "/shop/", fleet: "/shop/fleet/").start))
    expect_soon("one without an answer", timeout: 60) do
      another.get("/").body[%r{<tr id="p-[^"]*-#{far}">.*?</tr>}m]&.include?("no answer")
    end
  end

  def row_of(body, pid) = body[%r{<tr id="p-[^"]*-#{pid}">.*?</tr>}m]

  it "the overview has the reconnects and the memory of every member" do
    proxy = start_proxy(etcd)
    far = member(proxy)
    expect_soon("the member") { members.include?(far) }
    proxy.cut
    numbers = /"Reconnects" class="number">([1-9]\d*)<.*"Memory" class="number">([\d.]+) MiB</
    asking = page_of(client(etcd, "/shop/", fleet: "/shop/fleet/"))
    found = expect_soon("the reconnect", timeout: 60) do
      row_of(Harness::PageRequests.new(asking).get("/").body, far)&.match(numbers)&.captures
    end
    expect(found.last.to_f).to be_between(5, 1_000)
  end

  it "a member that hangs until its lease has ended is listed as gone, with its last answer" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/shop/", fleet: "/shop/fleet/"
      report Process.pid
      hear
    RUBY
    pid = process.heard
    expect_soon("the member") { members.include?(pid) }
    expect(row_of(browser.get("/").body, pid)).to include(">Live<")
    process.signal(:STOP)
    expect_soon("the end of its lease", timeout: 60) { !members.include?(pid) }
    row = expect_soon("the member that is gone", timeout: 60) do
      row_of(browser.get("/").body, pid)&.then { |text| text if text.include?(">gone<") }
    end
    expect(row).to match(/>last answer: \d\d:\d\d:\d\d</)
    expect(row).not_to include(">Live<")
    process.signal(:CONT)
    expect_soon("the member that is back", timeout: 60) do
      row_of(browser.get("/").body, pid)&.include?(">Live<")
    end
  end

  it "the events have those of every member, without texts of the application" do
    far = ruby_process(<<~RUBY, etcd)
      connect "/shop/", fleet: "/shop/fleet/"
      report Process.pid
      hear
      EtcdDiscovery.client.notify_service(EtcdDiscovery.service("payments"), :ejected, "hunter2 does not answer")
      EtcdDiscovery.register("payments", "user:hunter2@10.1.1.60:80", id: "one").wait(timeout: 20)
      report true
      hear
    RUBY
    pid = far.heard
    expect_soon("the member") { members.include?(pid) }
    far.tell
    far.heard
    body = browser.get("/events").body
    rows = body.scan(%r{<tr id="e-[^"]*-#{pid}-\d+-(\w+)">(.*?)</tr>}m)
    expect(rows.first(2).map(&:first)).to eq %w[registration service]
    expect(rows[0].last).to include("registered /service/payments/one<")
    expect(rows[1].last).to include("payments: ejected", "doubtful", Socket.gethostname, ">#{pid}<")
    expect(rows.to_h["connect"]).to include("connected to etcd 3.")
    expect(body).not_to include("hunter2")
    expect(body).to match(/<tr id="e-[^"]*-#{Process.pid}-\d+-connect">/)
  end

  it "asks for events only where they are shown, and takes nothing from others who read them" do
    far = member(etcd)
    expect_soon("the member") { members.include?(far) }
    received = Queue.new
    reader.subscribe(:service) { |event| received << event[:type] }
    before = etcd.ctl.current_revision
    browser.get("/")
    browser.get("/keys")
    called = etcd.ctl.current_revision
    expect(called - before).to be <= 4 # the call, two answers and their end
    reader.notify_service(reader.service("payments"), :ejected, "text")
    2.times { browser.get("/events") }
    expect(etcd.ctl.current_revision - called).to be <= 4
    expect(received.pop).to eq :ejected
  end

  # Once all three have answered.
  def answers(call)
    expect_soon("the answers", timeout: 60) do
      report = reader.fleet.public_send(call, 9_000, timeout: 3)
      report if report.reached.map(&:host) == ["web-9"] * 3
    end
  end

  it "reads what old members answer, and lets no answer that is forged harm the page" do
    events = [[1e300, "connect", {}], [1, "none", {}], [1, "connect", []], nil, 7, [1.5],
              [2, "stale", { age: "x" }],
              [1, "registration", { key: "<b>", state: "<i>", error: { kind: "Kernel", message: 5 } }]]
    forged = Harness::ForgedMembers.new(
      etcd, "/shop/fleet/",
      ['{"revision":9000,"age":0.5}',
       '{"revision":9000,"age":0.5,"stale":"x","reconnects":-1,"rss":"1","events":7}',
       JSON.generate(revision: 9000, age: 0.5, events:)]
    )
    states = answers(:await).reached.map { |one| [one.stale?, one.reconnects, one.rss, one.age] }
    expect(states.uniq).to eq [[nil, nil, nil, 0.5]]
    report = answers(:call_for_events)
    forged.close
    told = report.reached.sort_by(&:pid).map { |one| one.events&.map(&:name) }
    expect(told).to eq [nil, nil, %i[stale registration]]
    allow(EtcdDiscovery::Web::Roll.of(reader)).to receive(:events).and_return(report)
    body = browser.get("/events").body
    expect(body).to include("No events from: web-9 pid ", "a registration of this process changed its state")
    expect(body).not_to match(/<b>|<i>/)
  end

  it "after a write the key says how many processes have it, until all have" do
    proxy = start_proxy(etcd)
    far = member(proxy)
    near = member(etcd)
    expect_soon("the members") { ([near, far] - members).empty? }
    proxy.blackhole
    written = browser.post("/put?key=/shop/spread", value: "1", revision: 0, note: "n")
    place = written["location"]
    # This process has started both, as a master does, and does not count.
    expect(browser.get(place).body).to include("1 of 2 processes have it", "pid #{far}")
    proxy.pass
    expect_soon("all", timeout: 60) { browser.get(place).body.include?("2 of 2 processes have it") }
  end

  it "where the fleet cannot be asked, the page shows this process and the reason" do
    proxy = start_proxy(etcd)
    away = client(proxy, "/shop/", fleet: "/shop/fleet/", request_timeout: 0.5).start
    proxy.refuse
    body = Harness::PageRequests.new(page_of(away)).get("/").body
    expect(body).to include("The fleet cannot be asked", Process.pid.to_s)
  end
end
