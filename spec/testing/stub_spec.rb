# frozen_string_literal: true

RSpec.describe EtcdDiscovery::Testing do
  let(:memory) { offline }
  let(:received) { [] }

  after { described_class.reset }

  def offline(**settings)
    Harness::ClosingClient.add(EtcdDiscovery::Client.new(source: "memory", **settings))
  end

  def stub(values, &block) = described_class.stub(values, client: memory, &block)

  def set(values) = described_class.set(values, client: memory)

  # What the block raises or returns, in a separate thread.
  def elsewhere(&block) = Thread.new(&block).tap { |thread| thread.report_on_exception = false }.value

  it "gives keys values for a block, all at one revision, and takes them back" do
    memory.put("/a", "before")
    before = memory.snapshot.revision
    result = stub("/a" => "stub", "/b" => "stub", "/c" => nil) do
      expect(memory.snapshot.to_h).to eq("/a" => "stub", "/b" => "stub")
      expect(memory.snapshot.revision).to eq before + 1
      :result
    end
    expect(result).to eq :result
    expect(memory.snapshot.to_h).to eq("/a" => "before")
    expect(memory.snapshot.revision).to eq before + 2
  end

  it "of a name in layers can be overridden, released and updated, and ends with all of that" do
    layered = offline(layers: %w[/over/ /base/])
    layered.put("/over/limit", "50")
    described_class.stub({ "limit" => "5" }, client: layered) do
      expect(layered["limit"]).to eq "5"
      layered.override("limit", "6", for: 60)
      expect([layered["limit"], layered.explain("limit").layer]).to eq ["6", "/over/"]
      layered.release("limit")
      expect(layered["limit"]).to eq "5"
      layered.override("limit", "7", for: 60)
    end
    expect(layered.snapshot.to_h).to eq("/over/limit" => "50")
  end

  it "gives a name in layers its value in the last one, and without a value takes it from all" do
    layered = offline(layers: %w[/over/ /base/])
    layered.put("/base/limit", "50")
    described_class.stub({ "limit" => 5, "/base/other" => 1 }, client: layered) do
      expect([layered.integer("limit"), layered.integer("other"),
              layered.explain("limit").layer]).to eq [5, 1, "/base/"]
      described_class.set({ "limit" => nil }, client: layered)
      expect(layered.key?("limit")).to be false
      layered.override("limit", "7", for: 60)
      expect(layered["limit"]).to eq "7"
    end
    expect([layered["limit"], layered.snapshot.to_h]).to eq ["50", { "/base/limit" => "50" }]
  end

  it "writes values as a file does, for typed reads, which are evaluated again at both ends" do
    memory.put("/n", "1")
    expect(memory.integer("/n")).to eq 1
    stub("/n" => 2, "/on" => true, "/limits" => { upload: [1, nil] }, "/version" => 1.5) do
      expect([memory.integer("/n"), memory.boolean("/on"), memory.float("/version")]).to eq [2, true, 1.5]
      expect(memory.json("/limits")).to eq("upload" => [1, nil])
    end
    expect([memory.integer("/n"), memory.boolean("/on", :none)]).to eq [1, :none]
  end

  it "undoes whatever was written meanwhile, also when the block raises, throws or breaks" do
    memory.put("/kept", "1")
    registration = memory.register("own", "10.1.1.60:1")
    ends = [-> { raise "on purpose" }, -> { throw :over }, -> {}]
    ends.each do |ending|
      catch(:over) do
        stub("/service/own" => "10.1.1.60:2") do
          memory.put("/put", "1")
          memory.delete("/kept")
          memory.register("other", "10.1.1.60:3")
          expect(registration.state).to eq :lost
          ending.call
        end
      rescue RuntimeError
        nil
      end
      expect(memory.snapshot.to_h).to eq("/kept" => "1", "/service/own" => "10.1.1.60:1")
      expect(registration.state).to eq :registered
    end
  end

  it "nests, with the inner ones over the outer ones" do
    stub("/a" => "outer", "/b" => "outer") do
      stub("/a" => "inner") { expect(memory.snapshot.to_h).to eq("/a" => "inner", "/b" => "outer") }
      expect(memory["/a"]).to eq "outer"
    end
    expect(memory["/a"]).to be_nil
  end

  it "without a block holds until it is closed, and ends what was started after it" do
    outer = stub("/a" => "outer")
    inner = stub("/a" => "inner")
    outer.close
    expect(memory["/a"]).to be_nil
    [inner, outer].each(&:close)
    expect(memory["/a"]).to be_nil
  end

  it "calls subscribers about the stub, what is written in it, and its end, before it continues" do
    memory.on_change("/") { |change| received << [change.key, change.value] }
    stub("/a" => "1") do
      expect(received).to eq [["/a", "1"]]
      set("/a" => 2, "/b" => 2)
      expect(received.drop(1)).to contain_exactly(["/a", "2"], ["/b", "2"])
      memory.put("/a", "3")
      described_class.settle
      expect(received.last).to eq ["/a", "3"]
    end
    expect(received.last(2)).to contain_exactly(["/a", nil], ["/b", nil])
  end

  it "wakes waiters, and shows in services, snapshots and pins that start in it" do
    service = memory.service("b")
    expect(service.addresses).to be_empty
    waiter = Thread.new { memory.wait_for("/service/b", timeout: 30) }
    stub("/service/b" => "10.1.1.60:1") do
      expect(waiter.value).to eq "10.1.1.60:1"
      expect(service.addresses).to eq ["10.1.1.60:1"]
      memory.pin do
        expect(memory["/service/b"]).to eq "10.1.1.60:1"
        set("/service/b" => "10.1.1.60:2")
        expect(memory["/service/b"]).to eq "10.1.1.60:1"
      end
      expect(service.addresses).to eq ["10.1.1.60:2"]
    end
    expect(service.addresses).to be_empty
  end

  it "applies to all threads" do
    stub("/a" => "1") { expect(elsewhere { memory["/a"] }).to eq "1" }
  end

  it "of different keys may be in force in several threads, whichever ends first" do
    [0, 1].permutation do |order|
      stubs = %w[/a /b].map { |key| elsewhere_alive { stub(key => "stub") } }
      expect(memory.snapshot.to_h).to eq("/a" => "stub", "/b" => "stub")
      order.each_with_index do |which, done|
        stubs[which].close
        expect(memory.snapshot.size).to eq(1 - done)
      end
    end
  end

  it "of one key in two threads is a clear error, and changes nothing" do
    elsewhere_alive { stub("/a" => "first") }
    expect { stub("/a" => "second", "/b" => "second") }
      .to raise_error(described_class::ConflictError, %r{"/a" already has a stub.*stub_spec.rb:\d+}) { |error|
            expect(error.key).to eq "/a"
          }
    expect(memory.snapshot.to_h).to eq("/a" => "first")
    stub("/b" => "own") do
      expect { set("/a" => "x") }.to raise_error(described_class::ConflictError)
      expect(memory.snapshot.to_h).to eq("/a" => "first", "/b" => "own")
    end
  end

  it "that a thread left behind when it ended blocks no one" do
    elsewhere { stub("/a" => "forsaken") }
    expect(memory["/a"]).to eq "forsaken"
    stub("/a" => "own") { expect(memory["/a"]).to eq "own" }
    expect(memory["/a"]).to be_nil
  end

  it "of an unwatched key is refused, as production would refuse to read it" do
    narrow = offline(watch: ["/a/"])
    expect { described_class.stub("/a/x" => "1", "/b" => "1", client: narrow) }
      .to raise_error(EtcdDiscovery::UnwatchedKeyError, %r{/b})
    expect(narrow.snapshot.size).to eq 0
  end

  it "refuses keys that are not Strings, and a `set` that nothing would undo" do
    expect { stub(a: "1") }.to raise_error(ArgumentError, /:a/)
    expect { set("/a" => "1") }.to raise_error(EtcdDiscovery::Error, /no stub/)
    expect(memory.snapshot.size).to eq 0
  end

  it "reports a subscriber that takes too long, and is not in force then" do
    gate = Queue.new
    memory.on_change("/a") { |change| gate.pop if change.value }
    usual = described_class.patience
    described_class.patience = 0.01
    expect { stub("/a" => "1") }.to raise_error(EtcdDiscovery::TimeoutError, /on_change/)
    expect(memory["/a"]).to be_nil
  ensure
    described_class.patience = usual
    gate << :go
    described_class.settle
  end

  it "may be started and ended in a subscriber's own block" do
    memory.on_change("/a") { |change| stub("/b" => change.value) { received << memory["/b"] } }
    memory.put("/a", "1")
    described_class.settle
    expect([received, memory["/b"]]).to eq [["1"], nil]
  end

  it "hides the changes of a followed file, which is followed again afterwards" do
    Dir.mktmpdir do |folder|
      path = File.join(folder, "etcd.yml")
      File.write(path, "/a: '1'\n/b: '1'\n")
      client = Harness::ClosingClient.add(EtcdDiscovery::Client.new(source: path, max_staleness: 2))
      described_class.stub("/a" => "stub", client:) do
        File.write(path, "/a: '2'\n/b: '2'\n")
        confirmed = client.status.synced_at
        expect_soon("two looks") { client.status.synced_at > confirmed + 0.5 }
        expect(client.snapshot.to_h).to eq("/a" => "stub", "/b" => "1")
      end
      expect_soon("the file") { client.snapshot.to_h == { "/a" => "2", "/b" => "2" } }
    end
  end

  # In a thread such as a server's: its stub does not end with the block that starts it.
  def elsewhere_alive
    made = Queue.new
    thread = Thread.new { (made << yield) && sleep }
    Harness::Cleanup.add(Struct.new(:thread) { def close = thread.kill }.new(thread))
    made.pop
  end
end
