# frozen_string_literal: true

RSpec.describe "a registration" do
  let(:etcd) { start_etcd }

  # The TTL is short if an example waits for its end. Where a lease must not expire, it is long enough for a
  # machine that stands still for a moment.
  def announce(reader, ttl: 10)
    reader.register("b", "10.1.1.60:8081", id: "one", ttl:).wait(timeout: 30)
  end

  def key = "/service/b/one"

  def present? = etcd.ctl.get(key) == "10.1.1.60:8081"

  it "exists under its own lease, says so, and is gone at once when it is deregistered" do
    registration = announce(client(etcd, "/service/"))
    expect(registration.state).to eq :registered
    expect(present?).to be true
    expect(etcd.ctl.lease_of(key)).to eq registration.lease

    expect(registration.deregister(timeout: 30)).to be true
    expect(registration.state).to eq :deregistered
    expect(etcd.ctl.get(key)).to be_nil
    expect(etcd.ctl.leases).to be_empty
  end

  it "in the plain form without an id uses the service's single key" do
    reader = client(etcd, "/service/")
    registration = reader.register("/service/a", "10.1.1.60:8081", ttl: 10).wait(timeout: 30)
    expect(registration.key).to eq "/service/a"
    expect(etcd.ctl.get("/service/a")).to eq "10.1.1.60:8081"
  end

  it "outlives its TTL many times without being written again" do
    registration = announce(client(etcd, "/service/"), ttl: 5)
    lease = registration.lease
    revision = etcd.ctl.mod_revision_of(key)
    expect_soon("several renewals", timeout: 60) { registration.to_h.fetch(:renewals) >= 5 }
    expect([registration.lease, registration.state]).to eq [lease, :registered]
    expect(present?).to be true
    expect([etcd.ctl.mod_revision_of(key), etcd.ctl.current_revision]).to eq [revision, revision]
  end

  it "comes back under another lease when its lease is revoked by hand" do
    registration = announce(client(etcd, "/service/"))
    lease = registration.lease
    etcd.ctl.revoke(lease)
    expect_soon("another lease") { registration.lease && registration.lease != lease && present? }
    expect_soon("the state to say so") { registration.state == :registered }
  end

  it "comes back when its key is deleted by hand, whether it is watched or not" do
    { "watched" => "/service/", "not watched" => "/elsewhere/" }.each do |name, range|
      registration = announce(client(etcd, range))
      etcd.ctl.delete(key)
      expect_soon("the key that is #{name}", timeout: 60) { present? }
      expect_soon("the state to say so") { registration.state == :registered }
      expect(registration.deregister(timeout: 30)).to be true
    end
  end

  it "is lost within a TTL of a partition, and comes back after it" do
    proxy = start_proxy(etcd)
    registration = announce(client(proxy, "/service/", backoff_cap: 0.5), ttl: 2)
    proxy.half_open
    expect_soon("the state to be lost", timeout: 60) { registration.state == :lost }
    expect_soon("the key to run out", timeout: 60) { etcd.ctl.get(key).nil? }
    proxy.pass
    expect_soon("the key", timeout: 60) { present? }
    expect_soon("the state to say so", timeout: 60) { registration.state == :registered }
  end

  it "comes back when etcd was killed, and when it comes back without its data" do
    registration = announce(client(etcd, "/service/", backoff_cap: 0.5))
    etcd.kill9
    etcd.start
    expect_soon("the key after a restart", timeout: 60) { present? && registration.state == :registered }
    etcd.kill9
    etcd.start_empty
    expect_soon("the key in the empty etcd", timeout: 60) { present? && registration.state == :registered }
  end

  it "leaves a newer registration of the same instance alone, and registers again when that one is gone" do
    old = announce(client(etcd, "/service/"))
    new = client(etcd, "/service/").register("b", "10.1.1.61:8081", id: "one", ttl: 10).wait(timeout: 30)
    expect_soon("the old one to know") { old.state == :lost }
    expect(etcd.ctl.get(key)).to eq "10.1.1.61:8081"

    new.deregister(timeout: 30)
    expect_soon("the old one's turn", timeout: 60) { present? && old.state == :registered }
  end

  it "does not remove a newer registration of the same instance when it ends" do
    old = announce(client(etcd, "/service/"))
    new = client(etcd, "/service/").register("b", "10.1.1.61:8081", id: "one", ttl: 10).wait(timeout: 30)
    expect(old.deregister(timeout: 30)).to be true
    expect(etcd.ctl.get(key)).to eq "10.1.1.61:8081"
    expect(new.state).to eq :registered
  end

  it "reports why it could not register within the timeout, and registers once it can" do
    proxy = start_proxy(etcd)
    proxy.refuse
    registration = client(proxy, "/service/").register("b", "10.1.1.60:8081", id: "one", ttl: 2)
    expect { registration.wait(timeout: 0.5) }
      .to raise_error(EtcdDiscovery::RegistrationError, /one is not registered/)
    expect(registration.state).to eq :registering
    proxy.pass
    expect_soon("the key", timeout: 60) { present? }
  end

  it "is part of its client's status" do
    reader = client(etcd, "/service/").tap(&:start)
    announce(reader)
    expect(reader.status.registrations).to match [a_hash_including(key:, state: :registered, ttl: 10)]
  end

  it "with a wrong argument raises an error that says what is accepted" do
    reader = client(etcd, "/service/")
    { ttl: 0, liveness: -1, weight: "much", format: :unknown, id: "a/b", metadata: [] }.each do |name, value|
      expect { reader.register("b", "10.1.1.60:8081", name => value) }
        .to raise_error(EtcdDiscovery::ConfigurationError, /\A#{name}: /)
    end
    expect { reader.register("b", "10.1.1.60:8081", weight: 2) }
      .to raise_error(EtcdDiscovery::ConfigurationError, /stores neither weight nor metadata/)
  end
end
