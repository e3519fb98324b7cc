# frozen_string_literal: true

require "open3"

RSpec.describe EtcdDiscovery::Metrics do
  before(:context) { @etcd = start_etcd }

  let(:proxy) { start_proxy(@etcd) }
  let(:reader) { client(proxy, "/a/", backoff_cap: 0.1).tap(&:start) }

  # `{ name and the labels that only this sample has => value }`
  def samples(text)
    text.lines.grep_v(/\A#/).to_h do |line|
      sample = line.match(/\Aetcd_discovery_(\w+)\{client="[^"]*",pid="\d+",?(.*)\} (\S+)\n\z/)
      [sample[1] + sample[2], sample[3]]
    end
  end

  # An earlier registration may only now leave etcd.
  def read_at_one_moment
    expect_soon("metrics between two equal revisions") do
      status = reader.status
      received = samples(described_class.text("default" => reader))
      [received, status] if reader.status.revision == status.revision
    end
  end

  # Prometheus' own parser and its rules for names; prints nothing if all is well.
  def promtool(text) = Open3.capture2e("promtool", "check", "metrics", stdin_data: text)

  it "are read by Prometheus without a complaint, before the first connection and after" do
    idle = client(proxy, "/a/")
    [{ "idle" => idle }, { "default" => reader, "other" => reader }].each do |clients|
      said, status = promtool(described_class.text(clients))
      expect([said, status.exitstatus]).to eq ["", 0]
    end
  end

  it "escape what a name may not contain, and are UTF-8 whatever it contains" do
    text = described_class.text("a \"b\"\\c\n\xFF" => reader)
    expect(text).to be_valid_encoding
    expect(text).to include(%q(client="a \"b\"\\\\c\n\u{FFFD}",).gsub('\u{FFFD}', "\u{FFFD}"))
    expect(promtool(text).last).to be_success
  end

  it "show the copy, its age and its state" do
    @etcd.ctl.put("/a/x", "1")
    reader.wait_for("/a/x", timeout: 30)
    wait_until("the watch") { reader.status.state == :watching }
    received, status = read_at_one_moment
    expect(received).to include("revision" => status.revision.to_s, "keys" => status.size.to_s,
                                "stale" => "0", "ready" => "1")
    expect(received.select { |name, value| name.start_with?("state") && value == "1" }.keys)
      .to eq ['statestate="watching"']
    expect(Float(received["age_seconds"])).to be_between(0, 30)
    expect(received["max_staleness_seconds"]).to eq "10.0"
  end

  it "show stale, and an infinite age, for data that was never confirmed" do
    received = samples(described_class.text("default" => client(proxy, "/a/")))
    expect(received).to include("stale" => "1", "ready" => "0", "age_seconds" => "+Inf")
  end

  it "count reconnects, relists and resets" do
    reader
    wait_until("the watch") { reader.status.state == :watching }
    proxy.cut
    wait_until("another connection") { reader.status.reconnects == 1 }
    expect(samples(described_class.text("default" => reader)))
      .to include("reconnects_total" => "1", "relists_total" => "0", "resets_total" => "0")
  end

  it "show registrations by state, and bad values" do
    reader.register("/a/service", "10.1.1.60:8081", id: "m", ttl: 10).wait(timeout: 30)
    reader.wait_for("/a/service/m", timeout: 30)
    reader.integer("/a/service/m", 0)
    expect(samples(described_class.text("default" => reader)))
      .to include('registrationsstate="registered"' => "1", 'registrationsstate="lost"' => "0",
                  "invalid_keys" => "1")
  end

  describe "of the error that prevents a connection" do
    def kinds(client)
      received = samples(described_class.text("default" => client))
      received.select { |name, value| name.start_with?("errorkind") && value == "1" }.keys
    end

    def away(endpoint, **settings)
      client(endpoint, "/a/", boot_timeout: 0.3, **settings).tap do |away|
        expect { away.start }.to raise_error(EtcdDiscovery::Error)
      end
    end

    it "show its kind: the network, TLS, the login" do
      expect(kinds(away("http://127.0.0.1:1"))).to eq ['errorkind="network"']
      expect(kinds(away(@etcd.endpoint.sub("http:", "https:")))).to eq ['errorkind="tls"']
      secured = start_etcd
      Harness::EtcdUsers.new(secured).add("app", "s3cret-word", prefix: "/a/").enforce
      wrong = { user: "app", password: "wrong", boot_timeout: 5 }
      expect(kinds(away(secured.endpoint, **wrong))).to eq ['errorkind="auth"']
    end

    it "are silent once it is over, and the status says when the last error happened" do
      reader
      wait_until("the watch") { reader.status.state == :watching }
      expect([kinds(reader), reader.status.last_error_at]).to eq [[], nil]
      before = Time.now
      proxy.refuse
      wait_until("the loss") { kinds(reader) == ['errorkind="network"'] }
      proxy.pass
      wait_until("the recovery") { reader.status.state == :watching }
      expect(kinds(reader)).to eq []
      expect(reader.status.last_error_at).to be_between(before - 0.1, Time.now)
      seconds = samples(described_class.text("default" => reader))["last_error_timestamp_seconds"]
      expect(Float(seconds)).to be_within(1).of(reader.status.last_error_at.to_f)
    end

    it "show that the disk copy cannot be written" do
      folder = "/proc/nowhere"
      broken = client(proxy, "/a/", cache_path: "#{folder}/copy").tap(&:start)
      wait_until("the problem") { broken.status.cache_error }
      expect(samples(described_class.text("default" => broken))).to include("cache_error" => "1")
      expect(samples(described_class.text("default" => reader))).to include("cache_error" => "0")
    end
  end

  it "have alerting rules that fire when they should, and stay silent when they should" do
    said, status = Open3.capture2e("promtool", "test", "rules", "rules_test.yml",
                                   chdir: File.expand_path("../../examples/prometheus", __dir__))
    expect(status).to be_success, said
  end
end
