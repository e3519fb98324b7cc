# frozen_string_literal: true

# Applications whose own tests find them configured for production.
RSpec.describe "a stub of a client that follows etcd" do
  it "needs no configuration and no etcd: services and clients made before also show it" do
    process = ruby_process(<<~RUBY, "http://127.0.0.1:1")
      EtcdDiscovery::Testing.stub("/a" => "1") { report [EtcdDiscovery["/a"], EtcdDiscovery.status.state] }
      configure "/service/"
      payments = EtcdDiscovery.service("payments")
      other = EtcdDiscovery::Client.new(endpoints:, watch: ["/flags/"])
      EtcdDiscovery::Testing.stub("/service/payments" => "10.1.1.60:1") do
        EtcdDiscovery::Testing.stub("/flags/x" => true, client: other) do
          report [payments.addresses, other.boolean("/flags/x")]
        end
      end
      report [payments.addresses, other["/flags/x"], EtcdDiscovery.put("/service/c", "x").class.name]
      threads = Dir["/proc/self/task/*/comm"].map { |file| File.read(file).chomp }
      report threads.include?("etcd_discovery")
    RUBY
    expect(Array.new(4) { process.heard })
      .to eq [%w[1 offline], [["10.1.1.60:1"], true], [[], nil, "Integer"], false]
  end

  it "takes a running one away from etcd for good: deregistered, disconnected, and empty but for the stub" do
    etcd = start_etcd
    etcd.ctl.put("/service/b", "real")
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      EtcdDiscovery.register("own", "10.1.1.60:1").wait(timeout: 30)
      wait_until("the key") { EtcdDiscovery.key?("/service/own") }
      received = []
      EtcdDiscovery.on_change("/service/") { |change| received << [change.key, change.value] }
      revision = EtcdDiscovery.snapshot.revision
      EtcdDiscovery::Testing.stub("/service/b" => "stub") do
        EtcdDiscovery.put("/service/c", "c")
        report [EtcdDiscovery.snapshot.to_h, EtcdDiscovery.snapshot.revision > revision, EtcdDiscovery.healthy?]
      end
      report received.sort_by(&:first)
      hear
      report [EtcdDiscovery["/service/b"], EtcdDiscovery.status.state]
    RUBY
    expect(process.heard).to eq [{ "/service/b": "stub", "/service/c": "c" }, true, true]
    expect(process.heard).to include(["/service/b", "stub"], ["/service/b", nil], ["/service/own", nil])
    etcd.ctl.put("/service/b", "later")
    process.tell
    expect(process.heard).to eq [nil, "offline"]
    expect(etcd.ctl.read_prefix("")).to eq bytes("/service/b" => "later")
  end

  it "lets a stub around it undo what is written afterwards" do
    process = ruby_process(<<~RUBY, "http://127.0.0.1:1")
      configure "/service/"
      memory = EtcdDiscovery::Client.new(source: "memory")
      EtcdDiscovery::Testing.stub("/a" => "1", client: memory) do
        EtcdDiscovery::Testing.stub("/service/b" => "1") { nil }
        EtcdDiscovery.put("/service/c", "1")
        report EtcdDiscovery.snapshot.keys
      end
      report EtcdDiscovery.snapshot.keys
    RUBY
    expect([process.heard, process.heard]).to eq [["/service/c"], []]
  end

  it "in a forked child belongs to the child" do
    process = ruby_process(<<~RUBY)
      EtcdDiscovery.configure { |config| config.source = "memory" }
      EtcdDiscovery::Testing.stub("/a" => "parent") do
        in_child do
          EtcdDiscovery::Testing.stub("/a" => "child") { report EtcdDiscovery["/a"] }
          EtcdDiscovery::Testing.reset
          report EtcdDiscovery["/a"]
        end
        report EtcdDiscovery["/a"]
      end
    RUBY
    expect(Array.new(3) { process.heard }).to eq ["child", nil, "parent"]
  end
end
