# frozen_string_literal: true

# The default client belongs to the process, so these run in a separate one.
RSpec.describe "a second configure" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/a/x", "1") } }

  it "leaves one client connected, and subscriptions continue with it" do
    process = ruby_process(<<~'RUBY', etcd)
      connect "/a/", "/b/"
      EtcdDiscovery.on_change("/a/") { |change| report([change.key, change.value]) }
      former = EtcdDiscovery.client
      configure "/a/"
      report(wait_until("the end of the former") { former.status.state == :stopped })
      hear
    RUBY
    expect(process.heard).to be true
    etcd.ctl.put("/a/x", "2")
    expect(process.heard).to eq ["/a/x", "2"]
    expect_soon("two connections") { Harness::ProcessTable.connections(process.pid, etcd.port).size == 2 }
  end

  it "delivers the differences to subscriptions on another cluster" do
    other = start_etcd
    other.ctl.put("/a/x", "1")
    other.ctl.put("/a/y", "there")
    process = ruby_process(<<~'RUBY', [etcd.endpoint, other.endpoint])
      first, second = endpoints
      EtcdDiscovery.configure { |config| config.endpoints = first; config.watch "/a/" }
      EtcdDiscovery.start
      EtcdDiscovery.on_change("/a/") { |change| report([change.key, change.value]) }
      EtcdDiscovery.configure { |config| config.endpoints = second; config.watch "/a/" }
      hear
    RUBY
    expect(process.heard).to eq ["/a/y", "there"]
    other.ctl.put("/a/z", "new")
    expect(process.heard).to eq ["/a/z", "new"]
  end

  it "ends subscriptions to keys that are no longer watched, and logs it" do
    process = ruby_process(<<~'RUBY', etcd)
      require "logger"
      connect "/a/", "/b/"
      ended = EtcdDiscovery.on_change("/b/") { |change| report(change.key) }
      EtcdDiscovery.on_change("/a/") { |change| report(change.key) }
      configure "/a/", logger: Logger.new($stderr)
      report(wait_until("the end of the subscription") { ended.cancelled? })
      hear
    RUBY
    expect(process.heard).to be true
    expect(process.tail).to include 'the subscription of "/b/" ends: EtcdDiscovery::UnwatchedKeyError'
    etcd.ctl.put("/a/x", "2")
    expect(process.heard).to eq "/a/x"
  end

  it "also takes over a subscription made with the former client a moment later" do
    process = ruby_process(<<~'RUBY', etcd)
      connect "/a/"
      former = EtcdDiscovery.client
      connect "/a/"
      former.on_change("/a/") { |change| report(change.value) }
      former.subscribe(:change) { |event| report(event[:key]) }
      EtcdDiscovery.put("/a/x", "2")
      hear
    RUBY
    expect([process.heard, process.heard]).to contain_exactly "2", "/a/x"
  end

  it "keeps none of the clients before the former one, even if the program holds the first" do
    process = ruby_process(<<~'RUBY', etcd)
      def replace = connect("/a/")
      replace
      first = EtcdDiscovery.client
      EtcdDiscovery.on_change("/a/") { |change| report(change.value) }
      EtcdDiscovery.subscribe(:stale) { nil }
      20.times { replace }
      wait_until("the collection") do
        GC.start
        # What is left on a stack may keep a few.
        ObjectSpace.each_object(EtcdDiscovery::Client).count <= 5
      end
      EtcdDiscovery.put("/a/x", "2")
      hear
      report(first.status.state)
    RUBY
    expect(process.heard).to eq "2"
    process.tell
    expect(process.heard).to eq "stopped"
  end
end
