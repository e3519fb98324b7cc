# frozen_string_literal: true

RSpec.describe "a client with memory instead of etcd" do
  let(:received) { Queue.new }

  def offline(*watched, **settings)
    Harness::ClosingClient.add(EtcdDiscovery::Client.new(source: "memory", watch: watched, **settings))
  end

  it "starts empty, holds what is written, and answers every read of it" do
    client = offline
    expect(client["/a"]).to be_nil
    revision = client.put("/config/limits", '{"upload":5}')
    client.put("/config/list", "a, b")
    expect(client.json("/config/limits")).to eq("upload" => 5)
    expect(client.list("/config/list")).to eq %w[a b]
    expect(client.snapshot.prefix("/config/").keys).to eq %w[/config/limits /config/list]
    expect(client.snapshot.mod_revision("/config/limits")).to eq revision
    expect(client.fetch("/b", "default")).to eq "default"
    expect(client["/config/limits"]).to be_frozen.and equal(client["/config/limits"])
    client.delete("/config/limits")
    expect(client.key?("/config/limits")).to be false
  end

  it "makes one revision of each change, and none of a deletion of a missing key" do
    client = offline
    first = client.put("/a", "1")
    expect(client.put("/a", "1")).to eq first + 1
    expect(client.delete("/b")).to eq first + 1
    expect(client.delete("/a")).to eq first + 2
    expect(client.snapshot.revision).to eq first + 2
    expect(client.wait_for_revision(first + 2, timeout: 0)).to eq first + 2
  end

  it "writes conditionally as etcd does" do
    client = offline
    expect(client.compare_and_set("/lock", nil, "me")).to be_an Integer
    expect(client.compare_and_set("/lock", nil, "you")).to be_nil
    expect(client.compare_and_set("/lock", "you", "they")).to be_nil
    revision = client.compare_and_set("/lock", "me", "you")
    expect(client.put("/lock", "late", if_revision: revision - 1)).to be_nil
    expect(client.delete("/lock", if_revision: 0)).to be_nil
    expect(client.delete("/lock", if_revision: revision)).to eq revision + 1
    expect(client.put("/lock", "new", if_revision: 0)).to eq revision + 2
  end

  it "notifies subscribers and wakes waiters" do
    client = offline
    client.on_change("/a/") { |change| received << [change.type, change.key, change.value, change.previous] }
    waiter = Thread.new { client.wait_for("/a/x", timeout: 30) { |value| value == "2" } }
    client.put("/a/x", "1")
    expect(received.pop).to eq [:put, "/a/x", "1", nil]
    client.put("/a/x", "2")
    expect(waiter.value).to eq "2"
    expect(received.pop).to eq [:put, "/a/x", "2", "1"]
    expect { client.wait_for("/never", timeout: 0.01) }.to raise_error(EtcdDiscovery::TimeoutError, /offline/)
  end

  it "pins, and keeps the last good value of a typed read" do
    client = offline
    client.put("/n", "1")
    client.pin do
      expect(client.integer("/n")).to eq 1
      client.put("/n", "2")
      expect(client.integer("/n")).to eq 1
    end
    expect(client.integer("/n")).to eq 2
    client.put("/n", "many")
    expect(client.integer("/n")).to eq 2
    expect(client.status.invalid_keys).to eq ["/n"]
  end

  it "watches everything if nothing is named, and otherwise what is named" do
    expect(offline.status.watched).to eq [""]
    client = offline("/a/")
    expect(client.put("/b", "unseen")).to be_an Integer
    expect { client["/b"] }.to raise_error(EtcdDiscovery::UnwatchedKeyError, %r{/b})
    expect { client.on_change("/b") { nil } }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
    expect(client.compare_and_set("/b", "unseen", "x")).to be_an Integer
    expect(client.snapshot.size).to eq 0
  end

  it "is ready and healthy from the start; after a stop it still answers, and accepts nothing" do
    client = offline
    expect([client.ready?, client.healthy?, client.status.state]).to eq [true, true, :offline]
    client.start.put("/a", "1")
    client.stop
    expect(client["/a"]).to eq "1"
    expect(client.status.state).to eq :stopped
    expect { client.put("/a", "2") }.to raise_error(EtcdDiscovery::ClosedError)
    client.start.put("/a", "3")
    expect([client["/a"], client.status.state]).to eq ["3", :offline]
  end

  it "becomes stale after a stop" do
    client = offline(max_staleness: 0.01).start
    client.stop
    expect_soon("staleness") { client.stale? }
    expect(client.start).to be_healthy
  end

  it "registers services that it finds, and reports their states" do
    client = offline
    registration = client.register("b", "10.1.1.60:8081", id: "web-1", ttl: 10).wait(timeout: 0)
    expect(registration.state).to eq :registered
    expect(client.service("b").addresses).to eq ["10.1.1.60:8081"]
    expect(client.status.registrations).to match [include(key: "/service/b/web-1", state: :registered)]
    newer = client.register("b", "10.1.1.61:8081", id: "web-1")
    expect([registration.state, newer.state]).to eq %i[lost registered]
    expect(registration.deregister).to be true
    expect(client.service("b").addresses).to eq ["10.1.1.61:8081"]
    client.delete("/service/b/web-1")
    expect(newer.state).to eq :lost
    expect(client.register("c", "10.1.1.60:1", format: :zero).key).to match %r{\A/?c/\d+\z|\A/service/c/\d+\z}
  end

  it "deregisters when it stops" do
    client = offline
    registration = client.register("b", "10.1.1.60:8081")
    client.stop
    expect([registration.state, client["/service/b"]]).to eq [:deregistered, nil]
  end

  it "refuses what etcd refuses", :misuse do
    client = offline
    expect { client.put("", "x") }.to raise_error(EtcdDiscovery::Error, /empty/)
    expect { client.put("/a", nil) }.to raise_error(TypeError)
    expect { client[:a] }.to raise_error(TypeError)
  end

  it "starts no native thread and opens no connection, also with only the environment" do
    process = ruby_process(<<~RUBY, env: { "ETCDDISCOVERY_SOURCE" => "memory" })
      EtcdDiscovery.start
      EtcdDiscovery.put("/a", "1")
      EtcdDiscovery.register("b", "10.1.1.60:1").wait
      threads = Dir["/proc/self/task/*/comm"].map { |file| File.read(file).chomp }
      sockets = Dir["/proc/self/fd/*"].count { |file| File.readlink(file).start_with?("socket") rescue false }
      report [EtcdDiscovery["/a"], threads.include?("etcd_discovery"), sockets]
    RUBY
    expect(process.heard).to eq ["1", false, 0]
  end

  it "is a separate copy in a forked child, where subscriptions and waits work" do
    process = ruby_process(<<~RUBY)
      EtcdDiscovery.configure { |config| config.source = "memory" }
      EtcdDiscovery.put("/a", "parent")
      registration = EtcdDiscovery.register("b", "10.1.1.60:1")
      reported = Queue.new
      EtcdDiscovery.on_change("/a") { |change| reported << report([Process.pid == $parent, change.value]) }
      $parent = Process.pid
      in_child do
        received = Queue.new
        EtcdDiscovery.on_change("/a") { |change| received << change.value }
        EtcdDiscovery.put("/a", "child")
        report [EtcdDiscovery["/a"], received.pop, registration.state]
        reported.pop
      end
      report [EtcdDiscovery["/a"], registration.state]
    RUBY
    heard = Array.new(3) { process.heard }
    expect(heard).to contain_exactly([false, "child"], %w[child child lost], %w[parent registered])
  end
end
