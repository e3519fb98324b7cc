# frozen_string_literal: true

RSpec.describe "an audit" do
  let(:etcd) { start_etcd }

  # The cluster's id is the same, and revision and term fit, so nothing in etcd's answers shows the restore.
  it "finds that etcd was restored with another past, repairs the copy, and counts it" do
    proxy = start_proxy(etcd)
    2.times { |n| etcd.ctl.put("/service/old#{n}", "before") }
    reader = client(proxy, "/service/", audit_interval: 1, progress_interval: 0.5).tap(&:start)
    received = Queue.new
    reader.subscribe(:divergence) { |event| received << event.payload }
    proxy.refuse
    etcd.kill9
    etcd.start_empty
    6.times { |n| etcd.ctl.put("/service/new#{n}", "after") }
    proxy.pass

    wait_until("the difference to be found", timeout: 60) { reader.status.divergences == 1 }
    expect_soon("the same content") { bytes(reader.snapshot.to_h) == etcd.ctl.read_prefix("/service/") }
    expect(reader.status).to have_attributes(resets: 0, relists: 1)
    finding = have_attributes(message: match(%r{audit.*differ.*/service/}))
    expect(reader.status.last_error).to finding
    expect(received.pop).to include(count: 1, error: finding)
    etcd.ctl.put("/service/new0", "later")
    expect_soon("a change after it") { reader["/service/new0"] == "later" }
    audits = reader.status.audits
    expect_soon("another audit, which finds nothing") do
      reader.status.audits > audits && reader.status.divergences == 1
    end
  end

  it "finds nothing in normal operation, whatever is written and compacted meanwhile" do
    etcd.ctl.transaction(*(0...120).map { |n| [:put, "/service/#{n}", "x"] })
    reader = client(etcd, "/service/", "/config/limit", audit_interval: 0.05).tap(&:start)
    written = 0
    wait_until("some audits") do
      revision = etcd.ctl.put("/service/#{written += 1}", "y")
      etcd.ctl.compact(revision) if (written % 5).zero?
      reader.status.audits > 20
    end
    expect(reader.status).to have_attributes(divergences: 0, relists: 0)
  end

  it "does not run if the interval is 0" do
    reader = client(etcd, "/service/", audit_interval: 0, progress_interval: 0.1).tap(&:start)
    other = client(etcd, "/service/", audit_interval: 0.1).tap(&:start)
    wait_until("audits of another client") { other.status.audits > 5 }
    expect(reader.status.audits).to eq 0
  end
end
