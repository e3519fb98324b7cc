# frozen_string_literal: true

RSpec.describe "the doctor, of names and networks," do
  def in_own_network(code)
    reason = Harness::RubyProcess.own_network_missing
    skip reason if reason

    ruby_process(<<~RUBY, under: Harness::RubyProcess::OWN_NETWORK, first: "own_network.rb")
      require "etcd_discovery/doctor"

      def examine(*endpoints, **settings)
        config = EtcdDiscovery::Configuration.new(env: {}, endpoints:, watch: ["/service/"], **settings)
        doctor = EtcdDiscovery::Doctor.new(config, folder: NAMES)
        doctor.run
        found = doctor.findings.select { |one| one.level == :wrong }
        found.map { |one| [one.check, [one.subject, one.message, one.advice].join(" ")] }
      end

      def wrong(...) = report(examine(...))

      #{code}
    RUBY
  end

  it "names one that DNS does not know, and one without an address" do
    process = in_own_network(<<~RUBY)
      name_server("empty.test" => [])
      resolv_conf "nameserver 127.0.0.1\n"
      wrong "http://etcd.test:2379"
      wrong "http://empty.test:2379"
      wrong discovery_srv: "etcd.test"
    RUBY
    expect(process.heard).to match [["dns", /etcd.test there is no such name \(name server 127.0.0.1\)/]]
    expect(process.heard).to match [["dns", /empty.test the name has no address/]]
    expect(process.heard).to match [["dns", /etcd.test there is no SRV record/]]
  end

  it "names a name server that is dead, or that answers nothing" do
    process = in_own_network(<<~RUBY)
      mute = UDPSocket.new.tap { |socket| socket.bind("127.0.0.3", 53) }
      resolv_conf "nameserver 127.0.0.2\n"
      wrong "http://etcd.test:2379"
      resolv_conf "nameserver 127.0.0.3\n"
      wrong "http://etcd.test:2379"
    RUBY
    2.times { expect(process.heard).to match [["dns", /no name server answers.*resolv.conf/]] }
  end

  it "names the one address of a name that is dead" do
    process = in_own_network(<<~RUBY)
      etcd = start_etcd
      hosts "127.0.0.9 etcd.internal\n127.0.0.1 etcd.internal\n"
      wrong "http://etcd.internal:\#{etcd.port}"
      name_server("m1.test" => %w[127.0.0.9 127.0.0.1], "_etcd-client._tcp.test" => [[0, etcd.port, "m1.test"]])
      resolv_conf "nameserver 127.0.0.1\n"
      wrong "http://m1.test:\#{etcd.port}"
      wrong discovery_srv: "test"
      wrong discovery_srv: "test", insecure_discovery: false
    RUBY
    expect(process.heard).to match [["tcp", /etcd.internal.* at 127.0.0.9 connection refused/]]
    2.times { expect(process.heard).to match [["tcp", /m1.test.* at 127.0.0.9 connection refused/]] }
    expect(process.heard).to match [["dns", /no SRV record.*insecure_discovery/]]
  end

  it "names the member that is cut off from the others, while a client reaches it" do
    process = in_own_network(<<~RUBY)
      require #{File.expand_path('../support/ruby_process/far_member', __dir__).dump}

      cluster = FarMember.new
      wrong(*cluster.endpoints)
      cluster.cut_off
      wait_until("the loss of the leader") { examine(*cluster.endpoints).any? }
      wrong(*cluster.endpoints)
    RUBY
    expect(process.heard(timeout: 60)).to eq []
    expect(process.heard(timeout: 60)).to match [["leader", %r{http://10.8.0.2:2379 this member is cut off}]]
  end
end
