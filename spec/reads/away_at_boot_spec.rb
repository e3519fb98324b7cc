# frozen_string_literal: true

RSpec.describe "a process that boots while etcd is away" do
  # The one wait that may happen. A call counts as "at once" if it takes less than half of it, on a slow
  # machine too.
  let(:patience) { 3 }
  let(:proxy) { start_proxy(start_etcd).tap(&:refuse) }
  let(:reader) { client(proxy, "/a/", boot_timeout: patience) }

  def seconds
    began = Harness.now
    yield
    Harness.now - began
  end

  def expect_at_once(&block) = expect(seconds(&block)).to be < patience / 2.0

  def wait_in_vain(reader)
    took = seconds { expect { reader["/a/x"] }.to raise_error(EtcdDiscovery::ConnectionError) }
    expect(took).to be_between(patience - 0.5, patience + 3)
  end

  it "waits once: then a read with a default returns it at once" do
    wait_in_vain(reader)
    expect_at_once do
      expect(reader.fetch("/a/x", "default")).to eq "default"
      expect(reader.fetch("/a/x", nil)).to be_nil
      expect(reader.fetch("/a/x") { |key| "block of #{key}" }).to eq "block of /a/x"
      %i[json integer float boolean list duration].each do |kind|
        expect(reader.public_send(kind, "/a/x", :default)).to be :default
      end
      reader.pin { expect([reader.fetch("/a/x", 1), reader.integer("/a/x", 2)]).to eq [1, 2] }
    end
  end

  it "waits once: then a read without a default raises at once, and says why and until when" do
    wait_in_vain(reader)
    reads = [-> { reader["/a/x"] }, -> { reader.fetch("/a/x") }, -> { reader.json("/a/x") },
             -> { reader.key?("/a/x") }, -> { reader.snapshot }, -> { reader.service("/a/b").addresses },
             -> { reader.pin { reader["/a/x"] } }]
    expect_at_once do
      reads.each do |read|
        expect(&read).to raise_error(EtcdDiscovery::NotReadyError) { |error|
          expect(error).to be_a(EtcdDiscovery::ConnectionError)
          expect(error.message).to match(/#{proxy.endpoint}.*refused.*reads work as soon as etcd answers/)
          expect(error.endpoint).to eq proxy.endpoint
        }
      end
    end
  end

  it "counts a failed wait of start as the one wait; a start with timeout 0 only begins" do
    expect { reader.start(timeout: 0) }.to raise_error(EtcdDiscovery::ConnectionError)
    wait_in_vain(reader)
    other = client(proxy, "/a/", boot_timeout: 600)
    expect { other.start(timeout: 0.3) }.to raise_error(EtcdDiscovery::ConnectionError)
    expect_at_once { expect(other.fetch("/a/x", 1)).to eq 1 }
  end

  it "lets all readers wait until the same moment" do
    reader
    began = Harness.now
    first = Thread.new { reader.fetch("/a/x", 1) }
    wait_until("half of its wait to pass") { Harness.now - began > patience / 2.0 }
    others = nil
    took = seconds { others = Array.new(5) { Thread.new { reader.fetch("/a/x", 2) } }.map(&:value) }
    expect(others).to all(eq(2))
    expect(took).to be < patience * 0.9
    expect(first.value).to eq 1
  end

  it "still refuses a key that is not watched, whatever the default" do
    wait_in_vain(reader)
    expect { reader.fetch("/other", 1) }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
    expect { reader.integer("/other", 1) }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
    expect { reader.key?("/other") }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
  end

  it "reads as soon as etcd is there" do
    wait_in_vain(reader)
    proxy.pass
    reader.put("/a/x", "5")
    wait_until("the snapshot") { reader.ready? }
    expect(reader.wait_for("/a/x", timeout: 30)).to eq "5"
    expect([reader["/a/x"], reader.integer("/a/x", 1), reader.fetch("/a/y", 2)]).to eq ["5", 5, 2]
  end

  it "waits in wait_for and wait_for_revision for as long as the caller asks, before and after that" do
    2.times do
      expect(seconds do
        expect { reader.wait_for("/a/x", timeout: 0.5) }
          .to raise_error(EtcdDiscovery::TimeoutError, %r{"/a/x" did not become.*#{proxy.endpoint}})
        expect { reader.wait_for_revision(5, timeout: 0.5) }
          .to raise_error(EtcdDiscovery::TimeoutError, /revision 5 did not arrive/)
      end).to be_between(1, patience)
      reader.fetch("/a/x", 1) # the one wait
    end
    waiter = Thread.new { reader.wait_for("/a/x", timeout: 30) }
    wait_until("the thread to wait") { waiter.status == "sleep" }
    proxy.pass
    reader.put("/a/x", "came")
    expect(waiter.value).to eq "came"
  end

  it "has forked children that do not wait again, and follow once etcd is there" do
    process = ruby_process(<<~RUBY, proxy)
      configure "/a/", boot_timeout: #{patience}
      EtcdDiscovery.fetch("/a/x", 1)
      in_child do
        began = now
        report [EtcdDiscovery.integer("/a/x", 2), error_of { EtcdDiscovery["/a/x"] }, now - began]
        hear
        report EtcdDiscovery.wait_for("/a/x", timeout: 30)
      end
    RUBY
    value, error, took = process.heard
    expect(value).to eq 2
    expect(error[:message]).to match(/refused.*reads work as soon as etcd answers/)
    expect(took).to be < patience / 2.0
    proxy.pass
    client(proxy, "/a/").put("/a/x", "there")
    process.tell
    expect(process.heard).to eq "there"
  end

  it "returns the default at once if etcd refuses it, and otherwise raises the refusal" do
    etcd = start_etcd
    Harness::EtcdUsers.new(etcd).enforce
    refused = client(etcd, "/a/", boot_timeout: 60, user: "root", password: "wrong")
    expect(seconds { expect(refused.fetch("/a/x", 1)).to eq 1 }).to be < 30
    expect_at_once { expect { refused["/a/x"] }.to raise_error(EtcdDiscovery::AuthenticationError) }
  end
end
