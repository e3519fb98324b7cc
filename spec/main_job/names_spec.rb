# frozen_string_literal: true

RSpec.describe "a host name" do
  def in_own_network(code)
    reason = Harness::RubyProcess.own_network_missing
    skip reason if reason

    ruby_process(code, under: Harness::RubyProcess::OWN_NETWORK, first: "own_network.rb")
  end

  it "under localhost needs no name server, as RFC 6761 requires" do
    etcd = start_etcd
    etcd.ctl.put("/service/b", "value")
    reader = client("http://etcd.localhost:#{etcd.port}", "/service/")
    expect(reader["/service/b"]).to eq "value"
  end

  it "in the hosts file is found without a name server, or with one that does not answer" do
    process = in_own_network(<<~'RUBY')
      etcd = start_etcd
      etcd.ctl.put("/service/b", "value")
      hosts "127.0.0.1 etcd1.internal\n"
      mute = UDPSocket.new.tap { |socket| socket.bind("127.0.0.1", 53) }
      ["", "nameserver 127.0.0.1\nsearch foo..bar\n", "nameserver 127.0.0.2\n"].each do |text|
        resolv_conf text
        settings = { endpoints: ["http://etcd1.internal:#{etcd.port}"], watch: ["/service/"] }
        report EtcdDiscovery::Client.new(**settings).tap(&:start)["/service/b"]
      end
    RUBY
    expect(Array.new(3) { process.heard }).to eq %w[value value value]
  end

  it "that DNS does not know is reported as such, with the name server that was asked" do
    process = in_own_network(<<~'RUBY')
      name_server({})
      resolv_conf "nameserver 127.0.0.1\n"
      client = EtcdDiscovery::Client.new(endpoints: ["http://etcd.test:1"], watch: ["/a/"], boot_timeout: 1)
      report error_of { client.start }[:message]
    RUBY
    expect(process.heard).to include "there is no such name (name server 127.0.0.1)"
  end

  describe "of a service (SRV records)" do
    it "leads to the members that DNS names, and to others once it names others" do
      process = in_own_network(<<~'RUBY')
        old = start_etcd
        old.ctl.put("/service/b", "old")
        zone = { "m1.etcd.test" => %w[127.0.0.1], "_etcd-client._tcp.etcd.test" => [[0, old.port, "m1.etcd.test"]] }
        name_server(zone)
        resolv_conf "nameserver 127.0.0.1\n"
        ENV["ETCDCTL_DISCOVERY_SRV"] = "etcd.test"
        EtcdDiscovery.configure { |config| config.watch "/service/" }
        EtcdDiscovery.start
        report EtcdDiscovery["/service/b"]

        fresh = start_etcd
        fresh.ctl.put("/service/b", "fresh")
        zone["_etcd-client._tcp.etcd.test"] = [[0, fresh.port, "m1.etcd.test"]]
        old.kill9
        wait_until("the moved member") { EtcdDiscovery["/service/b"] == "fresh" }
        report EtcdDiscovery.status.endpoint == "http://m1.etcd.test:#{fresh.port}"
        report EtcdDiscovery.put("/service/b", "new").class.name
      RUBY
      expect(Array.new(3) { process.heard(timeout: 60) }).to eq ["old", true, "Integer"]
    end

    it "without any record is reported as such, and nothing else is connected to" do
      process = in_own_network(<<~'RUBY')
        name_server({})
        resolv_conf "nameserver 127.0.0.1\n"
        ENV["ETCDDISCOVERY_DISCOVERY_SRV"] = "etcd.test"
        report error_of { EtcdDiscovery::Client.new(watch: ["/a/"], boot_timeout: 1).start }[:message]
      RUBY
      missing = "there is no SRV record _etcd-client-ssl._tcp.etcd.test or _etcd-client._tcp.etcd.test"
      expect(process.heard).to include(missing, "ETCDCTL_DISCOVERY_SRV")
    end
  end
end
