# frozen_string_literal: true

RSpec.describe "a pin" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/a", "1") } }
  let(:reader) { client(etcd, "").tap(&:start) }

  def change(value)
    revision = etcd.ctl.put("/a", value)
    # In a separate thread, which has no pin.
    wait_until("revision #{revision}") { Thread.new { reader.snapshot.revision }.value >= revision }
  end

  it "makes every kind of read use the revision of its first read, until it ends" do
    reader.pin do
      expect(reader["/a"]).to eq "1"
      change("2")
      etcd.ctl.delete("/a")
      wait_until("the deletion") { !Thread.new { reader.key?("/a") }.value }
      expect([reader["/a"], reader.fetch("/a"), reader.integer("/a")]).to eq ["1", "1", 1]
      expect(reader.key?("/a")).to be true
      expect(reader.snapshot["/a"]).to equal reader["/a"]
    end
    expect(reader["/a"]).to be_nil
  end

  it "within a pin is the same pin, and returns what the block returns" do
    seen = reader.pin do
      reader["/a"]
      change("2")
      reader.pin { reader["/a"] }
    end
    expect([seen, reader["/a"]]).to eq %w[1 2]
  end

  it "yields no argument, so that a lambda without parameters can be its block" do
    reader["/a"]
    expect(reader.pin(&-> { reader["/a"] })).to eq "1"
    expect(reader.pin { |*given| given }).to eq []
  end

  it "applies only to its fiber" do
    reader.pin do
      reader["/a"]
      change("2")
      expect(Thread.new { reader["/a"] }.value).to eq "2"
      expect(Fiber.new { reader["/a"] }.resume).to eq "2"
      expect(reader["/a"]).to eq "1"
    end
  end

  it "is not shared with another thread that received copies of its fiber-local variables" do
    reader.pin do
      reader["/a"]
      locals = Thread.current.keys.to_h { |name| [name, Thread.current[name]] }
      change("2")
      streaming = Thread.new do
        locals.each { |name, value| Thread.current[name] = value }
        [reader["/a"], reader.pin { reader["/a"] }]
      end
      expect([streaming.value, reader["/a"]]).to eq [%w[2 2], "1"]
    end
  end

  it "ends with an exception, a throw or a break out of its block" do
    leave = [-> { reader.pin { reader["/a"] && raise("on purpose") } rescue nil }, # rubocop:disable Style/RescueModifier
             -> { catch(:done) { reader.pin { reader["/a"] && throw(:done) } } },
             -> { reader.pin { reader["/a"] && break } }]
    leave.each.with_index(2) do |leaving, number|
      leaving.call
      change(number.to_s)
      expect(reader["/a"]).to eq number.to_s
    end
  end

  it "belongs to one client only" do
    other = client(etcd, "/a").tap(&:start)
    reader.pin do
      reader["/a"]
      change("2")
      expect_soon("the change in the other client") { other["/a"] == "2" }
      expect(reader["/a"]).to eq "1"
    end
  end

  it "in the Rack middleware applies to a request" do
    seen = []
    app = lambda do |_env|
      seen << reader["/a"]
      change("2")
      seen << reader["/a"]
      [200, {}, []]
    end
    expect(EtcdDiscovery::Middleware::Pin.new(app, client: reader).call({})).to eq [200, {}, []]
    expect(seen).to eq %w[1 1]
  end

  it "shows one revision to a request that reads 20 keys during 1,000 transactions that write them" do
    names = Array.new(20) { |n| "/k/#{n}" }
    writing = Thread.new do
      gateway = Harness::Gateway.new([etcd.port], timeout: 30)
      1_000.times { |number| gateway.commit(names.map { |name| [:put, name, number.to_s] }) }
    end
    seen = []
    until seen.last == "999"
      writing.join(0) # raises the error that ended it
      values = reader.pin { names.map { |name| reader[name].tap { Thread.pass } } }
      expect(values.uniq.size).to eq 1
      seen |= values
    end
    writing.join
    expect(seen.size).to be > 10
  end
end
