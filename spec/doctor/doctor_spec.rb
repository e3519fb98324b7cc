# frozen_string_literal: true

require "etcd_discovery/doctor"
require "json"
require "open3"
require "tmpdir"

RSpec.describe EtcdDiscovery::Doctor do
  let(:etcd) { start_etcd }
  let(:certificates) { Harness::Certificates.new }
  let(:folder) { Dir.mktmpdir("doctor-") }

  after { FileUtils.rm_rf(folder) }

  def examine(endpoints, limit: 20, registered: [], **settings)
    endpoints = [endpoints.endpoint] if endpoints.respond_to?(:endpoint)
    settings = { watch: ["/service/"], endpoints: Array(endpoints), **settings }
    config = EtcdDiscovery::Configuration.new(env: {}, **settings)
    described_class.new(config, folder:, limit:, registered:).tap(&:run).findings
  end

  # The causes that are called wrong: the check, and all that is said.
  def wrong(...)
    found = examine(...).select { |finding| finding.level == :wrong }
    found.map { |finding| [finding.check, [finding.subject, finding.message, finding.advice].join(" ")] }
  end

  def alone(check, words) = match([[check, match(words)]])

  def files(certificates, by: certificates)
    { ca_file: certificates.ca_file, cert_file: by.client_cert, key_file: by.client_key }
  end

  it "finds nothing wrong where nothing is, with users, TLS and a copy on disk" do
    etcd = start_etcd(tls: certificates)
    Harness::EtcdUsers.new(etcd).add("app", "s3cret-word", prefix: "/service/").enforce
    found = examine(etcd, ca_file: certificates.ca_file, user: "app", password: "s3cret-word",
                          cache_path: File.join(folder, "copy"))
    expect(found.map(&:level)).not_to include :wrong
    layers = %i[settings files limits disk_copy gems tcp tls http2 version leader clock members alarms login
                permission latency]
    expect(found.map(&:check).uniq).to match_array layers
    expect(found.map(&:to_h).inspect).not_to include "s3cret-word"
  end

  describe "names the cause, and no other:" do
    it "a wrong port" do
      expect(wrong("http://127.0.0.1:#{Harness::FreePort.take}")).to alone(:tcp,
                                                                           /refused.*check host and port/)
    end

    it "an authority that is not trusted" do
      secure = start_etcd(tls: certificates)
      strangers = Harness::Certificates.new
      expect(wrong(secure, ca_file: strangers.ca_file)).to alone(:tls, /not signed by a trusted.*set ca_file/)
      expect(wrong(secure)).to alone(:tls, /set ca_file/)
    end

    it "an expired certificate of etcd" do
      expired = Harness::Certificates.new(expired: "server")
      expect(wrong(start_etcd(tls: expired),
                   ca_file: expired.ca_file)).to alone(:tls, /has expired at .*renew/)
    end

    it "an expired certificate of the client" do
      expired = Harness::Certificates.new(client_auth: true, expired: "client")
      expect(wrong(start_etcd(tls: expired),
                   **files(expired))).to alone(:tls, /client certificate has expired/)
    end

    it "a certificate of another name" do
      named = Harness::Certificates.new(names: "DNS:etcd.internal")
      secure = start_etcd(tls: named)
      expect(wrong(secure,
                   ca_file: named.ca_file)).to alone(:tls, /not for 127.0.0.1, but for DNS:etcd.internal/)
      expect(wrong(secure, ca_file: named.ca_file, server_name: "etcd.internal")).to be_empty
    end

    it "no client certificate, or one that etcd does not take" do
      demanding = Harness::Certificates.new(client_auth: true)
      secure = start_etcd(tls: demanding)
      expect(wrong(secure, ca_file: demanding.ca_file)).to alone(:tls, /requires a client certificate/)
      expect(wrong(secure,
                   **files(demanding, by: certificates))).to alone(:tls, /refuses the client certificate/)
      expect(wrong(secure, **files(demanding))).to be_empty
    end

    it "the wrong scheme" do
      secure = start_etcd(tls: certificates).endpoint.sub("https", "http")
      expect(wrong(secure)).to alone(:http2, %r{write https://})
      expect(wrong(etcd.endpoint.sub("http", "https"))).to alone(:tls, %r{write http://})
    end

    it "a file that is not there, and a key of another certificate" do
      secure = start_etcd(tls: certificates)
      missing = File.join(folder, "none.pem")
      expect(wrong(secure, ca_file: certificates.ca_file, cert_file: missing,
                           key_file: certificates.client_key))
        .to alone(:files, /cert_file .*none.pem No such file/)
      other = Harness::Certificates.new.client_key
      expect(wrong(secure, **files(certificates), key_file: other)).to alone(:files, /do not belong together/)
    end

    it "a wrong password, and a user where none is set" do
      Harness::EtcdUsers.new(etcd).add("app", "s3cret-word", prefix: "/service/").enforce
      expect(wrong(etcd, user: "app", password: "wr0ng-word")).to alone(:login, /user.*password/)
      expect(wrong(etcd)).to alone(:login, /user/)
      expect(wrong(etcd, user: "app", password: "wr0ng-word").inspect).not_to include "wr0ng-word"
    end

    it "no permission for one of two ranges, and for a key that is registered" do
      Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/service/").enforce
      user = { user: "app", password: "secret" }
      expect(wrong(etcd, watch: ["/service/", "/config/"],
                         **user)).to alone(:permission, %r{\A/config/.*permission}i)
      expect(wrong(etcd, registered: ["/service/b/1"],
                         **user)).to alone(:permission, %r{\A/service/b/1 .*write})
      expect(etcd.ctl.with("--user=root:root-secret").get("/service/b/1")).to be_nil
    end

    it "a member that answers nothing" do
      proxy = start_proxy(etcd)
      proxy.half_open
      expect(wrong(proxy)).to alone(:http2, /does not answer/)
    end

    it "a cluster without a leader" do
      cluster = start_cluster
      cluster.members.first(2).each(&:kill9)
      last = cluster.members.last
      expect_soon("the loss of the leader") { wrong(last).map(&:first) == [:leader] }
      expect(wrong(last)).to alone(:leader, /has no leader/)
    end

    it "a cluster without a leader, to a user who is not root" do
      cluster = start_cluster
      cluster.put("/service/b", "1")
      Harness::EtcdUsers.new(cluster).add("app", "secret", prefix: "/service/").enforce
      cluster.members.first(2).each(&:kill9)
      user = { user: "app", password: "secret" }
      expect_soon("the loss of the leader") { wrong(cluster.members.last, **user).map(&:first) == [:leader] }
    end

    it "used up space, also to a user who is not root" do
      full = start_etcd(flags: ["--quota-backend-bytes=#{1 << 20}"])
      users = Harness::EtcdUsers.new(full).add("app", "secret", prefix: "/service/")
      value = "x" * 100_000
      expect { 100.times { |number| full.ctl.put("/service/#{number}", value) } }.to raise_error(/space/)
      expect(wrong(full)).to alone(:alarms, /NOSPACE.*disarm/)
      full.ctl.run("alarm", "disarm") # or no user can be made
      users.enforce
      expect { 100.times { full.ctl.with("--user=root:root-secret").put("/service/0", value) } }
        .to raise_error(/space/)
      expect(wrong(full, user: "app", password: "secret")).to alone(:alarms, /NOSPACE.*disarm/)
    end

    it "a proxy that speaks HTTP/1" do
      proxy = Harness::HTTP1Proxy.new(etcd).start
      expect(wrong(proxy)).to alone(:http2, %r{HTTP/1.*proxy})
    end

    it "a server that is not etcd" do
      stranger = TCPServer.new("127.0.0.1", 0)
      thread = Thread.new { loop { stranger.accept.tap { |one| one.write("SSH-2.0-OpenSSH\r\n") }.close } }
      expect(wrong("http://127.0.0.1:#{stranger.addr[1]}")).to alone(:http2, /not etcd.*SSH/)
    ensure
      thread&.kill
      stranger&.close
    end

    it "a copy on disk of another user, and a folder that is not there", if: Process.uid.zero? do
      copy = File.join(folder, "copy")
      File.write(copy, "")
      File.chown(40_123, nil, copy)
      expect(wrong(etcd, cache_path: copy)).to alone(:disk_copy, /belongs to user 40123.*runs as root/)
      expect(wrong(etcd,
                   cache_path: "/nowhere/at/all/copy")).to alone(:disk_copy, %r{no folder /nowhere/at/all})
    end

    it "a folder that this user may not write to", if: Process.uid.zero? do
      File.chmod(0o755, folder)
      process = ruby_process(<<~RUBY, etcd)
        require "etcd_discovery/doctor"
        config = EtcdDiscovery::Configuration.new(endpoints:, watch: ["/service/"], cache_path: "#{folder}/copy")
        Process::Sys.setuid(40_000 + (Process.pid % 20_000))
        doctor = EtcdDiscovery::Doctor.new(config, folder: "/")
        doctor.run
        report(doctor.findings.select { |one| one.level == :wrong }.map { |one| [one.check, one.message] })
      RUBY
      expect(process.heard).to match [["disk_copy", /may not write to the folder/]]
    end

    it "a proxy that speaks HTTP/2 to its clients alone" do
      expect(wrong(Harness::HTTP2Front.new(etcd).start)).to alone(:grpc, /look for a proxy/)
    end

    it "a setting that is not accepted" do
      said, status = run_doctor(env: { "ETCDDISCOVERY_KEEPALIVE_INTERVAL" => "1" })
      expect(of(said)).to alone("settings",
                                /keepalive_interval.*at least 5.*ETCDDISCOVERY_KEEPALIVE_INTERVAL/i)
      expect(status).to eq 1
      expect(wrong("ftp://127.0.0.1:1")).to alone(:settings, %r{ftp://})
    end

    it "too few open files" do
      said, status = run_doctor(under: ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh"])
      expect(of(said)).to alone("limits", /open files: 200.*ulimit -n/)
      expect(status).to eq 1
    end

    it "too few processes", if: Process.uid.zero? do
      process = ruby_process(<<~RUBY, etcd)
        require "etcd_discovery/doctor"
        config = EtcdDiscovery::Configuration.new(endpoints:, watch: ["/service/"])
        Process::Sys.setuid(40_000 + (Process.pid % 20_000))
        Process.setrlimit(:NPROC, 1, Process.getrlimit(:NPROC)[1])
        doctor = EtcdDiscovery::Doctor.new(config, folder: "/")
        doctor.run
        report(doctor.findings.select { |one| one.level == :wrong }.map { |one| [one.check, one.message] })
      RUBY
      expect(process.heard).to eq [["limits", "processes: 1"]]
    end

    it "another gem of the same name" do
      File.write(File.join(folder, "etcd-discovery.rb"), "")
      said, = run_doctor(env: { "RUBYLIB" => folder })
      expect(of(said)).to alone("gems", /etcd-discovery \(with a hyphen\)/)
    end

    it "a clock that is an hour off" do
      shim = Harness::ShiftedClock.new(3_600)
      said, = run_doctor(env: shim.env)
      expect(of(said)).to alone("clock", /3[56]\d\d s ahead.*NTP/)
    end
  end

  it "says of an old server what is known of it, and that this is no reason to stop" do
    said, status = run_doctor
    expect(of(said)).to be_empty
    version = said.find { |one| one["check"] == "version" }
    next expect(version["level"]).to eq "fine" unless version["message"].match?(/3\.4\.(?:1?\d|2[0-4])\b/)

    expect(version).to include("level" => "doubtful", "message" => /15220/, "advice" => /3\.4\.25/)
    expect(status).to eq 8
  end

  it "says where each setting comes from, and never a password" do
    said, = run_doctor(env: { "ETCDCTL_USER" => "app:s3cret-word" })
    found = said.to_h { |one| [one["subject"], one["message"]] }
    expect(found["endpoints"]).to include("given in code, or as an option")
    expect(found["user"]).to eq '"app" (the variable ETCDCTL_USER)'
    expect(said.inspect).not_to include "s3cret-word"
  end

  it "names the hook for forked workers that is missing" do
    FileUtils.mkdir_p(File.join(folder, "config"))
    File.write(File.join(folder, "config/unicorn.rb"), "# after_fork { EtcdDiscovery.after_fork }\n")
    File.write(File.join(folder, "config/puma.rb"), "workers 2\nplugin :etcd_discovery\n")
    found = examine(etcd).select { |one| one.check == :fork_hooks }
    expect(found.map { |one| [one.subject, one.level] })
      .to eq [["config/unicorn.rb", :doubtful], ["config/puma.rb", :fine]]
    expect(found.first.advice).to include "EtcdDiscovery.after_fork"
  end

  it "shows no password in an endpoint" do
    found = examine("http://root:hunter2@127.0.0.1:2379")
    expect(found.map(&:level)).to include :wrong
    expect(found.map(&:to_h).inspect).not_to include "hunter2"
  end

  it "examines a socket of the system" do
    relay = Harness::UnixRelay.new(etcd.port)
    expect(wrong(relay.endpoint)).to be_empty
    expect(wrong("unix:///nowhere/at/all")).to alone(:tcp, /no such socket/)
  end

  it "comes to its end in the given time when nothing answers" do
    silent = Array.new(3) { start_proxy(etcd).tap(&:half_open).endpoint }
    started = Harness.now
    expect(wrong(silent, limit: 2).map(&:first).uniq - [:http2]).to be_empty
    expect(Harness.now - started).to be < 6
  end

  def run_doctor(env: {}, under: [])
    words = command_line("--endpoints", etcd.endpoint, "doctor", "/service/", "--json")
    out, err, status = Open3.capture3(env, *under, *words, chdir: folder)
    expect(err).to eq ""
    [out.lines.map { |line| JSON.parse(line) }, status.exitstatus]
  end

  def of(said)
    said.select { |one| one["level"] == "wrong" }.map do |one|
      [one["check"], one.values_at("subject", "message", "advice").join(" ")]
    end
  end
end
