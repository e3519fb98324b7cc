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
