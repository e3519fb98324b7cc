# frozen_string_literal: true

$LOAD_PATH.push(File.expand_path("../support/open_feature_stub", __dir__)) # after an installed gem
require "etcd_discovery/open_feature"

RSpec.describe EtcdDiscovery::OpenFeature::Provider do
  let(:etcd) { start_etcd }
  let(:proxy) { start_proxy(etcd) }
  let(:watching) { client(proxy, "/flags/", boot_timeout: 1, max_staleness: 1, progress_interval: 0.2) }
  let(:provider) { described_class.new(client: watching) }
  let(:sdk) { OpenFeature::SDK::Configuration.new }
  let(:flags) { OpenFeature::SDK::Client.new(sdk) }

  def details(type, flag_key, default_value)
    given = flags.public_send("fetch_#{type}_details", flag_key:, default_value:)
    [given.value, given.reason, given.error_code]
  end

  def put(flag, value) = watching.wait_for_revision(watching.put("/flags/#{flag}", value), timeout: 10)

  # The next event that is one of these.
  def next_event(*names)
    wait_until(names.join(", ")) do
      event = sdk.events.pop(true)
      event if names.include?(event.first)
    rescue ThreadError
      nil
    end
  end

  describe "with a first snapshot" do
    before { sdk.set_provider_and_wait(provider) }

    it "resolves every type from local memory, with the reason STATIC" do
      { "on" => "true", "text" => "blue", "many" => "10", "some" => "0.5",
        "list" => "[1,2]", "map" => '{"a":1}' }.each { |flag, value| put(flag, value) }
      etcd.stop
      expect(details(:boolean, "on", false)).to eq [true, "STATIC", nil]
      expect(details(:string, "text", "red")).to eq ["blue", "STATIC", nil]
      expect(details(:integer, "many", 1)).to eq [10, "STATIC", nil]
      expect(details(:float, "many", 1.0)).to eq [10.0, "STATIC", nil]
      expect(details(:number, "many", 1)).to eq [10, "STATIC", nil]
      expect(details(:number, "some", 1)).to eq [0.5, "STATIC", nil]
      expect(details(:object, "list", {})).to eq [[1, 2], "STATIC", nil]
      expect(details(:object, "map", {})).to eq [{ "a" => 1 }, "STATIC", nil]
    end

    it "returns the default and an error code for a flag that is missing, or of another type" do
      put("text", "blue")
      put("number", "5")
      expect(details(:boolean, "absent", true)).to eq [true, "ERROR", "FLAG_NOT_FOUND"]
      expect(details(:boolean, "text", true)).to eq [true, "ERROR", "TYPE_MISMATCH"]
      expect(details(:integer, "text", 7)).to eq [7, "ERROR", "TYPE_MISMATCH"]
      expect(details(:object, "number", {})).to eq [{}, "ERROR", "TYPE_MISMATCH"]
      expect(details(:object, "text", {})).to eq [{}, "ERROR", "PARSE_ERROR"]
      expect(details(:number, "text", 7)).to eq [7, "ERROR", "PARSE_ERROR"]
    end

    it "keeps the last good value in force when a bad one is written" do
      put("on", "true")
      expect(details(:boolean, "on", false)).to eq [true, "STATIC", nil]
      put("on", "maybe")
      expect(details(:boolean, "on", false)).to eq [true, "STATIC", nil]
    end

    it "reports changes with the names of the flags" do
      put("on", "true")
      expect(next_event("PROVIDER_CONFIGURATION_CHANGED").last).to eq(flags_changed: ["on"])
      watching.delete("/flags/on")
      expect(next_event("PROVIDER_CONFIGURATION_CHANGED").last).to eq(flags_changed: ["on"])
      provider.shutdown
      put("on", "false")
      expect(watching.event_subscriptions).to be_empty
      expect(watching.change_feed).not_to be_subscribed
    end

    it "is stale, and says so with each flag, while etcd confirms nothing; and ready again" do
      put("on", "true")
      proxy.half_open
      next_event("PROVIDER_STALE")
      expect(sdk.state).to eq "STALE"
      expect(details(:boolean, "on", false)).to eq [true, "STALE", nil]
      proxy.pass
      next_event("PROVIDER_READY")
      expect_soon("the reason") { details(:boolean, "on", false) == [true, "STATIC", nil] }
      expect(sdk.state).to eq "READY"
    end
  end

  it "fails to start while etcd is away, returns the defaults, and is ready when etcd is back" do
    proxy.refuse
    expect { sdk.set_provider_and_wait(provider) }.to raise_error EtcdDiscovery::ConnectionError
    expect(sdk.state).to eq "FATAL"
    expect(details(:boolean, "on", true)).to eq [true, "ERROR", "PROVIDER_NOT_READY"]
    etcd.ctl.put("/flags/on", "false")
    proxy.pass
    next_event("PROVIDER_READY")
    expect(details(:boolean, "on", true)).to eq [false, "STATIC", nil]
  end

  it "says which prefix is not watched" do
    elsewhere = described_class.new(prefix: "/elsewhere/", client: watching)
    expect { sdk.set_provider_and_wait(elsewhere) }
      .to raise_error EtcdDiscovery::UnwatchedKeyError, %r{/elsewhere/}
    watching.start
    expect(details(:boolean, "on", true)).to eq [true, "ERROR", "GENERAL"]
    expect { described_class.new(prefix: "/flags") }
      .to raise_error EtcdDiscovery::ConfigurationError, /ends in a slash/
  end

  it "reports that etcd refuses the user, and keeps its content" do
    put("on", "true")
    root = Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/flags/").enforce
    user = client(proxy, "/flags/", user: "app", password: "secret").start
    sdk.set_provider_and_wait(described_class.new(client: user))
    root.run("role", "revoke-permission", "app-role", "--prefix=true", "/flags/")
    proxy.cut
    expect(next_event("PROVIDER_ERROR").last).to include(error_code: "GENERAL", message: /permission denied/i)
    expect(sdk.state).to eq "ERROR"
    expect(details(:boolean, "on", false).first).to be true
  end

  it "names itself, and shows no secret" do
    expect(provider.metadata.name).to eq "etcd_discovery"
    expect(provider.inspect).to eq '#<EtcdDiscovery::OpenFeature::Provider prefix="/flags/">'
  end
end
