# frozen_string_literal: true

RSpec.describe "a client that watches nothing" do
  let(:etcd) { start_etcd }

  def key = "/service/b/one"

  def announce(client) = client.register("b", "10.1.1.60:8081", id: "one", ttl: 5)

  it "registers, and comes back when its key is deleted" do
    registration = announce(client(etcd)).wait(timeout: 30)
    etcd.ctl.delete(key)
    expect_soon("the key") { etcd.ctl.get(key) }
    expect_soon("the state to say so") { registration.state == :registered }
  end

  it "needs only the user's permission for its own keys" do
    users = Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/service/b/", access: "readwrite")
    root = users.enforce
    registration = announce(client(etcd, user: "app", password: "secret")).wait(timeout: 30)
    expect(registration.state).to eq :registered
    expect(root.get(key)).to eq "10.1.1.60:8081"
  end

  it "starts at once, with or without etcd, and opens no connection for a watch" do
    proxy = start_proxy(etcd)
    proxy.refuse
    announcing = client(proxy)
    expect(announcing.start).to be_ready
    expect(announcing.status).to have_attributes(state: :idle, age: nil, revision: 0, size: 0, watched: [])
    proxy.pass
    announce(announcing).wait(timeout: 30)
    expect(proxy.stats["open"]).to eq 1
  end

  it "says in every read that it watches nothing" do
    announcing = client(etcd)
    reads = [-> { announcing["/a"] }, -> { announcing.key?("/a") }, -> { announcing.integer("/a", 1) },
             -> { announcing.fetch("/a", 1) }, -> { announcing.snapshot["/a"] },
             -> { announcing.snapshot.prefix("/") }, -> { announcing.service("b").instances },
             -> { announcing.on_change("/a") { nil } }, -> { announcing.wait_for("/a", timeout: 9) }]
    reads.each do |read|
      expect(&read).to raise_error(EtcdDiscovery::UnwatchedKeyError, %r{"/.*watches nothing.*`watch`})
    end
  end

  it "is never stale, and healthy as long as its registrations are known to be in etcd" do
    proxy = start_proxy(etcd)
    announcing = client(proxy, backoff_cap: 0.5).start
    expect([announcing.stale?, announcing.healthy?]).to eq [false, false]
    announce(announcing).wait(timeout: 30)
    expect([announcing.stale?, announcing.healthy?]).to eq [false, true]

    proxy.half_open
    expect_soon("it to be unhealthy", timeout: 60) { !announcing.healthy? }
    proxy.pass
    expect_soon("it to be healthy again", timeout: 60) { announcing.healthy? }
    announcing.stop
    expect([announcing.status.state, announcing.healthy?]).to eq [:stopped, false]
  end

  it "belongs to the process that made it: a forked child may register for itself" do
    process = ruby_process(<<~RUBY, etcd)
      connect
      EtcdDiscovery.register("b", "a:1", id: "one", ttl: 10).wait(timeout: 30)
      in_child do
        EtcdDiscovery.after_fork
        report EtcdDiscovery.status.state
        EtcdDiscovery.register("b", "a:2", id: "two", ttl: 10).wait(timeout: 30)
        report EtcdDiscovery.healthy?
      end
      report EtcdDiscovery.healthy?
      hear
    RUBY
    expect([process.heard, process.heard, process.heard]).to eq ["idle", true, true]
  end
end
