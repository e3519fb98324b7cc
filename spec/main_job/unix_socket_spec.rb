# frozen_string_literal: true

RSpec.describe "a Unix socket as an endpoint" do
  let(:etcd) { start_etcd }
  let(:relay) { Harness::UnixRelay.new(etcd.port) }

  it "serves reads, writes and changes, and again after the connections were cut" do
    etcd.ctl.put("/service/b", "before")
    reader = client(relay, "/service/").tap(&:start)
    expect(reader["/service/b"]).to eq "before"
    expect(reader.status.endpoint).to eq relay.endpoint
    relay.cut
    wait_until("a write") { reader.put("/service/b", "after") rescue nil } # rubocop:disable Style/RescueModifier
    expect_soon("the new value") { reader["/service/b"] == "after" }
  end

  it "leaves nothing open in a forked child, which connects by itself" do
    parent = ruby_process(<<~RUBY, relay)
      connect "/service/"
      EtcdDiscovery.put("/service/b", "parent")
      wait_until("the value") { EtcdDiscovery["/service/b"] == "parent" }
      hear
      in_child do
        report Process.pid
        hear
        report EtcdDiscovery.put("/service/b", "child").class.name
      end
      wait_until("the child's value") { EtcdDiscovery["/service/b"] == "child" }
      report "seen"
    RUBY
    wait_until("both connections") { Harness::ProcessTable.socket_inodes(parent.pid).size >= 2 }
    connected = Harness::ProcessTable.socket_inodes(parent.pid)
    parent.tell
    child = parent.heard
    expect(Harness::ProcessTable.socket_inodes(child) & connected).to be_empty
    parent.tell
    expect([parent.heard, parent.heard]).to eq %w[Integer seen]
  end

  it "that does not exist is named with the reason" do
    missing = client("unix:///nowhere/etcd.sock", "/service/", boot_timeout: 0.5)
    reason = %r{unix:///nowhere/etcd\.sock: No such file or directory}
    expect { missing.start }.to raise_error(EtcdDiscovery::ConnectionError, reason)
  end
end
