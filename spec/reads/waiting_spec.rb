# frozen_string_literal: true

require "timeout"

RSpec.describe "waiting for a change" do
  before(:context) { @etcd = start_etcd }

  let(:etcd) { @etcd }
  let(:prefix) { "/#{rand(10**9)}/" }
  let(:key) { "#{prefix}b" }
  let(:reader) { client(etcd, prefix).tap(&:start) }

  it "ends at once for a key that exists, and otherwise when it comes" do
    waiter = Thread.new { reader.wait_for(key, timeout: 30) }
    wait_until("the thread to wait") { waiter.status == "sleep" }
    etcd.ctl.put(key, "one")
    expect(waiter.value).to eq "one"
    expect(reader.wait_for(key, timeout: 0)).to eq "one"
  end

  it "ends when the block accepts the value, and shows it each value once" do
    seen = []
    waiter = Thread.new { reader.wait_for(key, timeout: 30) { |value| (seen << value) && value == "3" } }
    wait_until("the first look") { seen.size == 1 }
    [["#{prefix}other", "0"], [key, "1"], [key, "3"]].each do |name, value|
      revision = etcd.ctl.put(name, value)
      wait_until("revision #{revision}") { reader.snapshot.revision >= revision }
    end
    expect(waiter.value).to eq "3"
    expect(seen).to eq seen.uniq
  end

  it "refuses a finite time that no process lives to see, instead of waiting forever" do
    expect { reader.wait_for(key, timeout: 1e20) }.to raise_error(ArgumentError, /over a hundred years/)
  end

  it "uses the live value within a pin" do
    reader.pin do
      expect(reader[key]).to be_nil
      etcd.ctl.put(key, "one")
      expect(reader.wait_for(key, timeout: 30)).to eq "one"
      expect(reader[key]).to be_nil
    end
  end

  it "raises a TimeoutError that names the key when the time is over" do
    expect { reader.wait_for(key, timeout: 0.05) }.to raise_error(EtcdDiscovery::TimeoutError) { |error|
      expect(error.key).to eq key
      expect(error.message).to include(key)
    }
    expect { reader.wait_for_revision(10**9, timeout: 0.05) }
      .to raise_error(EtcdDiscovery::TimeoutError, /1000000000/)
    expect { reader.wait_for("/elsewhere", timeout: 1) }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
  end

  it "for the revision of a put reads what was written, by whatever process" do
    20.times do |number|
      revision = reader.put(key, number.to_s)
      expect(reader.wait_for_revision(revision, timeout: 30)).to be >= revision
      expect(reader[key]).to eq number.to_s
    end
  end

  it "can be interrupted by Timeout and Thread#kill" do
    expect { Timeout.timeout(0.1) { reader.wait_for(key, timeout: 600) } }.to raise_error(Timeout::Error)
    waiter = Thread.new { reader.wait_for_revision(10**9, timeout: 600) }
    wait_until("the thread to wait") { waiter.status == "sleep" }
    expect(waiter.kill.join(30)).to be waiter
  end

  it "under a fiber scheduler blocks only its fiber, and so does writing" do
    process = ruby_process(<<~'RUBY', etcd)
      Fiber.set_scheduler(SelectScheduler.new)
      configure "/fibers/"
      order = []
      Fiber.schedule do
        EtcdDiscovery.start
        value = EtcdDiscovery.wait_for("/fibers/a", timeout: 30)
        order << value
      end
      Fiber.schedule do
        order << "before"
        EtcdDiscovery.put("/fibers/a", "put by another fiber")
      end
      Fiber.schedule do
        order << EtcdDiscovery.wait_for("/fibers/never", timeout: 0.2)
      rescue EtcdDiscovery::TimeoutError => error
        order << error.class.name
      end
      Fiber.scheduler.run
      report order
    RUBY
    expect(process.heard).to contain_exactly("before", "put by another fiber", "EtcdDiscovery::TimeoutError")
  end
end
