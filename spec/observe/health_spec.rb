# frozen_string_literal: true

require "json"
require "net/http"
require "rack"

RSpec.describe EtcdDiscovery::Health do
  # Rack's own checker stands in front: it raises for everything that an application may not do.
  def ask(health, method = "GET", path = "/health")
    Rack::MockRequest.new(Rack::Lint.new(health)).request(method, path)
  end

  def body(answer) = JSON.parse(answer.body, symbolize_names: true)

  context "of a client that follows etcd" do
    before(:context) { @etcd = start_etcd }

    let(:reader) { client(@etcd, "/a/").tap(&:start) }
    let(:health) { described_class.new(client: reader) }

    it "answers 200 with the status, which may not be cached" do
      answer = ask(health)
      expect(answer.status).to eq 200
      expect(answer["cache-control"]).to eq "no-store"
      expect(answer["content-type"]).to eq "application/json"
      expect(body(answer)).to include(healthy: true, ready: true, stale: false, watched: ["/a/"],
                                      endpoint: @etcd.endpoint, pid: Process.pid)
      expect(Time.iso8601(body(answer)[:synced_at])).to be_within(60).of(Time.now)
    end

    it "answers HEAD as GET, without a body" do
      answer = ask(health, "HEAD")
      expect([answer.status, answer.body, answer["content-type"]]).to eq [200, "", "application/json"]
      expect(Integer(answer["content-length"])).to be > 100
    end

    it "answers 503 while the data is stale, 200 if more is allowed, and 200 when it is fresh again" do
      reader = client(@etcd, "/a/", max_staleness: 1, progress_interval: 0.2).tap(&:start)
      health = described_class.new(client: reader)
      patient = described_class.new(client: reader, max_staleness: 3_600)
      @etcd.pause
      wait_until("the data to be stale") { ask(health).status == 503 }
      expect(body(ask(health))).to include(healthy: false, ready: true, stale: true, max_staleness: 1.0)
      expect(ask(patient).status).to eq 200
      @etcd.continue
      expect_soon("the data to be fresh") { ask(health).status == 200 }
    ensure
      @etcd.continue
    end

    it "answers /metrics in Prometheus' format" do
      answer = ask(health, "GET", "/metrics")
      expect(answer["content-type"]).to eq "text/plain; version=0.0.4; charset=utf-8"
      expect(answer["cache-control"]).to eq "no-store"
      expect(answer.body).to match(/^etcd_discovery_stale\{client="default",pid="#{Process.pid}"\} 0$/)
    end

    it "refuses other methods and other paths, and lists the allowed ones" do
      answer = ask(health, "POST")
      expect([answer.status, answer["allow"]]).to eq [405, "GET, HEAD"]
      answer = ask(health, "GET", "/healthz")
      expect([answer.status, answer.body]).to eq [404, "only /health and /metrics\n"]
    end

    it "shows bad values and keys that are not UTF-8, and never a value" do
      key = "/a/\xFF".b
      @etcd.ctl.put(key, "hunter2")
      reader.wait_for(key, timeout: 30)
      reader.integer(key, 0)
      expect(body(ask(health))[:invalid_keys]).to eq ["/a/\u{FFFD}"]
      expect(ask(health).body + ask(health, "GET", "/metrics").body).not_to include("hunter2")
    end
  end

  it "never shows a password, not even one that etcd refuses" do
    etcd = start_etcd
    Harness::EtcdUsers.new(etcd).enforce
    refused = client(etcd, "/a/", user: "root", password: "hunter2")
    expect { refused.start }.to raise_error(EtcdDiscovery::AuthenticationError)
    answer = ask(described_class.new(client: refused))
    expect(body(answer)).to include(healthy: false, last_error: /authentication failed/)
    expect(answer.body).not_to include("hunter2")
  end

  it "answers 503 for a client that was not started, and does not start it" do
    idle = client("http://127.0.0.1:#{Harness::FreePort.take}", "/a/")
    answer = ask(described_class.new(client: idle))
    expect(answer.status).to eq 503
    expect(body(answer)).to include(healthy: false, ready: false, age: nil)
    expect(idle.status.state).to be :stopped
  end

  it "answers 503 with the reason if nothing was configured" do
    process = ruby_process(<<~'RUBY')
      status, _headers, body = EtcdDiscovery::Health.new.call("REQUEST_METHOD" => "GET", "PATH_INFO" => "/health")
      report [status, body.join]
    RUBY
    expect(process.heard).to match [503, /nothing is watched and nothing is registered/]
  end

  it "refuses a threshold that is not a number of seconds above 0" do
    [0, -1, "60", Float::NAN].each do |wrong|
      expect { described_class.new(max_staleness: wrong) }
        .to raise_error(EtcdDiscovery::ConfigurationError, /max_staleness: .* not a number of seconds/)
    end
  end

  context "in a real server", gems: %w[puma unicorn] do
    before(:context) { @etcd = start_etcd }

    let(:small) do
      Harness::AppServer::Application.new(File.join(__dir__, "application"), [],
                                          Harness::AppServer::SMALL.environment.merge(
                                            "ETCDDISCOVERY_MAX_STALENESS" => "60"
                                          ))
    end

    # For the server's configuration: the socket by which the harness asks a certain worker.
    let(:worker_socket) { "\#{ENV.fetch('WORKER_SOCKETS')}/\#{Process.pid}.sock" }

    it "answers through puma, HEAD too" do
      server = Harness::PumaServer.new(endpoints: @etcd.endpoint, workers: 0, application: small,
                                       config: %(bind "unix://#{worker_socket}"\n)).start
      expect(server.get("/etcd/health")).to include("healthy" => true, "pid" => server.master_pid)
      answer = Net::HTTP.start("127.0.0.1", server.port) { |http| http.head("/etcd/metrics") }
      expect([answer.code, answer["content-type"]]).to eq ["200", EtcdDiscovery::Metrics::CONTENT_TYPE]
    end

    it "answers for each of unicorn's workers separately" do
      hook = %(after_fork { |server, _worker| server.listen("#{worker_socket}") })
      server = Harness::UnicornServer.new(endpoints: @etcd.endpoint, workers: 2, application: small,
                                          config: "preload_app true\n#{hook}\n").start
      server.worker_pids.each do |pid|
        expect(server.ask(pid, "/etcd/health")).to include("healthy" => true, "pid" => pid)
      end
    end
  end
end
