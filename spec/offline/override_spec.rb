# frozen_string_literal: true

RSpec.describe "An override without etcd" do
  def offline(**settings)
    Harness::ClosingClient.add(EtcdDiscovery::Client.new(layers: %w[/over/ /base/], **settings))
  end

  def ends(client)
    received = Queue.new
    client.put("/base/limit", "50")
    client.on_change("limit") { |change| received << change.value }
    client.override("limit", "10", for: 1)
    [received.pop, received.pop, client["limit"], client.key?("/over/limit")]
  end

  it "ends by itself too, with memory and with a file" do
    expect(ends(offline(source: "memory"))).to eq ["10", "50", "50", false]
    Tempfile.create(%w[source- .yml]) do |file|
      File.write(file.path, "/base/limit: 40\n")
      client = offline(source: file.path)
      expect(client["limit"]).to eq "40"
      expect(ends(client)).to eq ["10", "50", "50", false]
    end
  end

  it "is released, and is replaced for the new time" do
    client = offline(source: "memory")
    client.put("/base/limit", "50")
    client.override("limit", "10", for: 1)
    client.override("limit", "20", for: 600)
    expect(client.explain("limit").winner).to have_attributes(value: "20", temporary?: true)
    expect(client.native_end_leases).to be true
    client.release("limit")
    expect([client["limit"], client.native_end_leases]).to eq ["50", false]
  end

  it "with if_revision replaces or ends only what the caller has seen" do
    client = offline(source: "memory")
    first = client.override("limit", "10", for: 600, if_revision: 0)
    expect { client.override("limit", "20", if_revision: 0) }.to raise_error(EtcdDiscovery::ConflictError)
    expect { client.release("limit", if_revision: first + 1) }.to raise_error(EtcdDiscovery::ConflictError)
    expect(client["limit"]).to eq "10"
    client.release("limit", if_revision: first)
    expect([client["limit"], client.native_end_leases]).to eq [nil, false]
  end

  it "ends in a forked child that inherited it" do
    parent = ruby_process(<<~'RUBY')
      EtcdDiscovery.configure { |config| config.source = "memory"; config.layers = %w[/over/ /base/] }
      EtcdDiscovery.put("/base/limit", "50")
      EtcdDiscovery.override("limit", "10", for: 3) # long enough for a fork on a busy machine
      in_child do
        report EtcdDiscovery["limit"]
        report EtcdDiscovery.wait_for("limit", timeout: 10) { |now| now == "50" }
      end
      report EtcdDiscovery.wait_for("limit", timeout: 10) { |now| now == "50" }
    RUBY
    expect([parent.heard, parent.heard, parent.heard]).to eq %w[10 50 50]
  end
end
