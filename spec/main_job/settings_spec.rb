# frozen_string_literal: true

RSpec.describe "a setting" do
  def configured(env, **settings)
    EtcdDiscovery::Configuration.new(env:, **settings)
  end

  it "comes from the block, then from our own variable, then from etcdctl's, then from the default" do
    own = { "ETCD_DISCOVERY_ENDPOINTS" => "http://own:1,http://own:2", "ETCDCTL_ENDPOINTS" => "http://etcdctl:1" }
    expect(configured(own, endpoints: ["http://block:1"]).endpoints).to eq(["http://block:1"])
    expect(configured(own).endpoints).to eq(["http://own:1", "http://own:2"])
    expect(configured(own.slice("ETCDCTL_ENDPOINTS")).endpoints).to eq(["http://etcdctl:1"])
    expect(configured({}).endpoints).to eq(["http://127.0.0.1:2379"])
  end

  it "that the environment holds wrongly is named by its variable" do
    config = configured({ "ETCD_DISCOVERY_BOOT_TIMEOUT" => "soon" })
    expect { config.boot_timeout }
      .to raise_error(EtcdDiscovery::ConfigurationError, /_BOOT_TIMEOUT: "soon" is not a number/)
  end

  it "that nobody knows is refused, with the ones that there are" do
    expect { configured({}, endpoint: "x") }
      .to raise_error(EtcdDiscovery::ConfigurationError, /endpoint: no such setting; there are endpoints/)
  end

  it "that is secret is not shown, however it was given" do
    shown = [
      configured({}, user: "root:hunter2"), configured({ "ETCDCTL_USER" => "root:hunter2" }),
      configured({}, user: "root", password: "hunter2")
    ].map(&:inspect).join
    expect(shown).not_to include("hunter2")
  end
end
