# frozen_string_literal: true

require "logger"
require "open3"

RSpec.describe "a registration that etcd refuses" do
  let(:etcd) { start_etcd }
  let(:lines) { Queue.new }
  let(:logger) { Logger.new(StringIO.new, formatter: ->(level, _, _, line) { lines << "#{level} #{line}" }) }
  let(:root) { Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/service/").enforce }
  let(:events) { Queue.new }

  def about_registration
    seen = []
    seen << lines.pop until lines.empty?
    seen.grep(/regist/)
  end

  def refused_client(*watched)
    root
    client(etcd, *watched, logger:, user: "app", password: "secret").tap do |reader|
      reader.subscribe(:registration) { |event| events << event }
      reader.start
    end
  end

  it "is reported once, with the reason, in the log and by an event, and the client is not healthy" do
    reader = refused_client("/service/")
    registration = reader.register("b", "10.1.1.60:8081", id: "one", ttl: 10)
    expect_soon("the event") { !events.empty? }
    expect(events.pop.payload).to include(state: :registering, key: "/service/b/one",
                                          error: be_a(EtcdDiscovery::PermissionError))
    expect(reader).not_to be_healthy
    expect(reader.status.registrations.first).to include(state: :registering, last_error: /permission/)
    expect_soon("the line") { !lines.empty? }
    received = about_registration
    expect(received).to match [%r{\AERROR .*cannot register /service/b/one \(10.1.1.60:8081\): .*permission}]

    root.run("role", "grant-permission", "app-role", "readwrite", "--prefix=true", "/service/b/")
    expect_soon("the registration", timeout: 60) { registration.state == :registered }
    expect_soon("the event") { !events.empty? }
    expect(events.pop.payload).to include(state: :registered, previous: :registering, error: nil)
    expect(reader).to be_healthy
    expect_soon("the line") { !lines.empty? }
    expect(about_registration).to match [%r{\AINFO .*registered /service/b/one}]
  end

  it "is not reported as deregistered in the end" do
    reader = refused_client
    reader.register("b", "10.1.1.60:8081", id: "one", ttl: 10)
    expect_soon("the refusal") { !lines.empty? }
    lines.clear
    reader.stop
    expect_soon("the end") { !lines.empty? }
    expect(about_registration).to match [%r{\AINFO .*gave up registering /service/b/one .* never confirmed}]
  end

  it "is reported while etcd is away" do
    proxy = start_proxy(etcd)
    proxy.refuse
    reader = client(proxy, logger:)
    registration = reader.register("b", "10.1.1.60:8081", id: "one", ttl: 10)
    expect_soon("the line") { about_registration.grep(%r{\AWARN .*cannot register /service/b/one}).any? }
    expect(reader).not_to be_healthy
    proxy.pass
    expect_soon("the registration", timeout: 60) { registration.state == :registered && reader.healthy? }
  end

  describe "from the command line" do
    def run_cli(*arguments, endpoint: etcd.endpoint)
      out, err, status = Open3.capture3(*command_line("--endpoints", endpoint, *arguments))
      [out, err, status.exitstatus]
    end

    words = %w[register b 10.1.1.60:8081 --id one --]

    it "is reported on standard error, and the command still runs" do
      root
      user = %w[--user app:secret]
      out, err, status = run_cli(*user, *words, "sh", "-c", "echo ran; exit 7")
      expect([out, status]).to eq ["ran\n", 7]
      expect(err.lines.first).to match(%r{\Aetcd_discovery: cannot register /service/b/one .*permission})
      expect(err.lines.last).to match(/gave up registering .* never confirmed/)
      expect(run_cli(*words, "true", endpoint: "http://127.0.0.1:1"))
        .to match ["", %r{cannot register /service/b/one .*127.0.0.1:1}, 0]
    end

    it "prints nothing for one that etcd accepts, however short the command" do
      expect(run_cli(*words, "true")).to eq ["", "", 0]
    end

    it "needs no permissions except those on the key" do
      root.run("role", "grant-permission", "app-role", "readwrite", "/service/b/one")
      expect(run_cli("--user", "app:secret", *words, "true")).to eq ["", "", 0]
    end

    it "ends without a command with the status of the reason" do
      root
      process = talking_process("sh", "-c", 'exec "$@" 2>&1', "sh", *command_line(
        "--endpoints", etcd.endpoint, "--user", "app:secret", *words.take(5)
      ))
      expect(process.line).to match(/cannot register .*permission/)
      expect(process.stop.exitstatus).to eq 5
    end
  end
end
