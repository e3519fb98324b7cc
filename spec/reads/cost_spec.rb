# frozen_string_literal: true

RSpec.describe "a read" do
  let(:etcd) { start_etcd }

  # The allocations of `count` reads, counted in a process that does nothing else. Counting itself costs a few
  # objects; a read that allocates costs a hundred thousand.
  def allocated(reading)
    ruby_process(<<~RUBY, etcd).heard
      # frozen_string_literal: true
      connect "/service/"
      client = EtcdDiscovery.client
      snapshot = EtcdDiscovery.snapshot
      key = %w[/service b].join("/")
      absent = %w[/service absent].join("/")
      json = "/service/json"
      reading = -> { n = 0; while n < 1_000_000; #{reading}; n += 1; end }
      wait_until("the keys") { EtcdDiscovery.key?(json) }
      reading.call
      GC.disable
      before = GC.stat(:total_allocated_objects)
      reading.call
      report GC.stat(:total_allocated_objects) - before
    RUBY
  end

  before do
    etcd.ctl.put("/service/b", "10.1.1.60:8081")
    etcd.ctl.put("/service/json", '{"limit": [1, 2]}')
  end

  {
    "of a present key" => "EtcdDiscovery[key]",
    "of a present key, by a literal" => 'EtcdDiscovery["/service/b"]',
    "of a key that is not there" => "EtcdDiscovery[absent]",
    "of a key that is not there, by a literal" => 'EtcdDiscovery["/service/absent"]',
    "of a client" => "client[key]",
    "of a snapshot" => "snapshot[key]",
    "of JSON" => "EtcdDiscovery.json(json)"
  }.each do |description, reading|
    it "#{description} allocates nothing, a million times over" do
      expect(allocated(reading)).to be < 100
    end
  end

  it "with a pin allocates nothing, a million times over" do
    process = ruby_process(<<~RUBY, etcd)
      # frozen_string_literal: true
      connect "/service/"
      reading = -> { n = 0; while n < 1_000_000; EtcdDiscovery["/service/b"]; n += 1; end }
      EtcdDiscovery.pin do
        EtcdDiscovery["/service/b"]
        GC.disable
        before = GC.stat(:total_allocated_objects)
        reading.call
        report GC.stat(:total_allocated_objects) - before
      end
    RUBY
    expect(process.heard).to be < 100
  end

  it "returns the same object, whatever String the key is, and so does a snapshot" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      first = EtcdDiscovery["/service/b"]
      keys = ["/service/b", "/service/b".b, "/service/b".encode("US-ASCII"), %w[/service b].join("/"), -"/service/b"]
      report keys.map { |key| EtcdDiscovery[key].equal?(first) }
      report EtcdDiscovery.snapshot["/service/b"].equal?(first)
    RUBY
    expect(process.heard).to all(be(true))
    expect(process.heard).to be true
  end

  it "in a Ractor other than the main one is refused with a clear error" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      refusal = Ractor.new { EtcdDiscovery["/service/b"] rescue [$!.class.name, $!.message] }.take
      report refusal
      report EtcdDiscovery["/service/b"]
    RUBY
    expect(process.heard).to eq ["Ractor::UnsafeError", "ractor unsafe method called from not main ractor"]
    expect(process.heard).to eq "10.1.1.60:8081"
  end
end
