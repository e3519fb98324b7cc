# frozen_string_literal: true

RSpec.describe "a forked child that neither reads nor subscribes" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/a/x", "1") } }
  let(:proxy) { start_proxy(etcd) }

  let(:contact) do
    "in_child { wait_until('contact') { EtcdDiscovery.status.state == :watching }; report :ok }"
  end

  def connections = proxy.accepted

  def parent(settings, child)
    ruby_process(<<~RUBY, proxy)
      connect "/a/", **#{settings.inspect}
      EtcdDiscovery["/a/x"]
      report :ready
      hear
      #{child}
    RUBY
  end

  it "connects nowhere if it lives only for a moment" do
    process = parent({}, "20.times { in_child { nil } }; report :done; hear")
    process.heard
    before = connections
    process.tell
    process.heard(timeout: 60)
    expect(connections).to eq before
  end

  it "connects by itself if it lives on" do
    process = parent({}, contact)
    process.heard
    process.tell
    expect(process.heard).to eq "ok"
  end

  it "connects at once if its settings say so, and with `lazy` only at its first read" do
    eager = parent({ connect_in_children: "now" }, contact)
    eager.heard
    eager.tell
    expect(eager.heard).to eq "ok"

    lazy = parent({ connect_in_children: "lazy" }, <<~'RUBY')
      in_child do
        sleep 2 * EtcdDiscovery::Fork::DELAY
        report EtcdDiscovery.status.state
        hear
        EtcdDiscovery["/a/x"]
        wait_until("contact") { EtcdDiscovery.status.state == :watching }
        report :ok
      end
    RUBY
    lazy.heard
    before = connections
    lazy.tell
    lazy.heard
    expect(connections).to eq before
    lazy.tell
    expect(lazy.heard).to eq "ok"
  end

  it "still has its blocks called when it subscribes, also after Process.daemon" do
    Dir.mktmpdir do |folder|
      received = File.join(folder, "received")
      process = ruby_process(<<~RUBY, etcd)
        connect "/a/"
        EtcdDiscovery.on_change("/a/x") { |change| File.write(#{received.inspect}, change.value) }
        Process.daemon(true, true)
        report Process.pid
        hear
      RUBY
      daemon = process.heard
      etcd.ctl.put("/a/x", "2")
      expect_soon("the daemon's block") { File.exist?(received) && File.read(received) == "2" }
      process.tell
      wait_until("the daemon to end") { !File.exist?("/proc/#{daemon}") }
    end
  end
end
