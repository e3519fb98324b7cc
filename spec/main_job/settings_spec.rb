# frozen_string_literal: true

require "logger"

RSpec.describe "a setting" do
  def configured(env, **settings)
    EtcdDiscovery::Configuration.new(env:, **settings)
  end

  it "comes from the block, then from the gem's variable, then from etcdctl's, then from the default" do
    own = { "ETCDDISCOVERY_ENDPOINTS" => "http://own:1,http://own:2", "ETCDCTL_ENDPOINTS" => "http://etcdctl:1" }
    expect(configured(own, endpoints: ["http://block:1"]).endpoints).to eq(["http://block:1"])
    expect(configured(own).endpoints).to eq(["http://own:1", "http://own:2"])
    expect(configured(own.slice("ETCDCTL_ENDPOINTS")).endpoints).to eq(["http://etcdctl:1"])
    expect(configured({}).endpoints).to eq(["http://127.0.0.1:2379"])
  end

  it "comes from below the environment, if neither the block nor the environment gives it" do
    config = EtcdDiscovery::Configuration.new(
      env: { "ETCDDISCOVERY_WATCH" => "/env/" }, below: { watch: ["/below/"], boot_timeout: 7.0 }
    )
    expect(config.watch).to eq ["/env/"]
    expect(config.boot_timeout).to eq 7.0
    expect(config.required).to be false
    config.boot_timeout = 8
    expect(config.boot_timeout).to eq 8.0
  end

  describe "whose variable has the old prefix, which the etcd server reads too," do
    let(:log) { StringIO.new }
    let(:old) { { "ETCD_DISCOVERY_ENDPOINTS" => "http://old:1", "ETCDCTL_ENDPOINTS" => "http://etcdctl:1" } }

    def warned_of(env, **settings)
      2.times { EtcdDiscovery::Client.new(configured(env, logger: Logger.new(log), **settings)) }
      log.string.scan(/the environment variable \S+ is now \S+/)
    end

    it "is still read, after the new name and before etcdctl's" do
      expect(configured(old).endpoints).to eq ["http://old:1"]
      expect(configured(old.merge("ETCDDISCOVERY_ENDPOINTS" => "http://new:1")).endpoints).to eq ["http://new:1"]
      expect(configured(old.merge("ETCD_DISCOVERY_ENDPOINTS" => "")).endpoints).to eq ["http://etcdctl:1"]
    end

    it "is not read if the variables belong to a server that discovers its cluster" do
      expect(configured(old.merge("ETCD_DISCOVERY_TOKEN" => "t")).endpoints).to eq ["http://etcdctl:1"]
    end

    it "causes one warning, if it is in force" do
      expect(warned_of({ "ETCD_DISCOVERY_BACKOFF_CAP" => "2", "ETCDDISCOVERY_MAX_STALENESS" => "2" }))
        .to eq ["the environment variable ETCD_DISCOVERY_BACKOFF_CAP is now ETCDDISCOVERY_BACKOFF_CAP"]
    end

    it "causes no warning if something else is in force" do
      expect(warned_of({ "ETCD_DISCOVERY_CONNECT_TIMEOUT" => "2" }, connect_timeout: 3)).to eq []
    end
  end

  it "that uses DNS to name the members precedes endpoints of the same source, and follows higher ones" do
    domain = ->(env, **given) { EtcdDiscovery::Configuration.new(env:, **given).to_native[:discovery_srv] }
    etcdctls = { "ETCDCTL_DISCOVERY_SRV" => "example.com", "ETCDCTL_ENDPOINTS" => "http://a:1" }
    expect(domain.call(etcdctls)).to eq "example.com"
    expect(domain.call(etcdctls, below: { endpoints: ["http://b:1"] })).to eq "example.com"
    expect(domain.call(etcdctls.merge("ETCDDISCOVERY_ENDPOINTS" => "http://b:1"))).to be_nil
    expect(domain.call(etcdctls, endpoints: ["http://b:1"])).to be_nil
    expect(domain.call({}, endpoints: ["http://b:1"], discovery_srv: "example.org")).to eq "example.org"
  end

  it "that is a list in the environment may have spaces, empty parts and a trailing comma" do
    env = { "ETCDCTL_ENDPOINTS" => " http://a:1, ,http://b:1,", "ETCDDISCOVERY_WATCH" => "/a/,,/b/" }
    config = configured(env)
    expect(config.endpoints).to eq %w[http://a:1 http://b:1]
    expect(config.watch).to eq %w[/a/ /b/]
  end

  describe "that is text" do
    # How Ruby sees the environment of a process without a locale.
    def claimed(text, encoding) = text.dup.force_encoding(encoding)

    it "is read by its bytes if its encoding is ASCII or BINARY, and otherwise in its encoding" do
      [claimed("app:pä:ß", Encoding::US_ASCII), "app:pä:ß".b, "app:pä:ß".encode("UTF-16LE")].each do |user|
        expect(configured({ "ETCDCTL_USER" => user }).to_native).to include(user: "app", password: "pä:ß")
        expect { EtcdDiscovery::Client.new(user:).status }.not_to raise_error
      end
      watch = claimed("/kä/, /b\xff/", Encoding::US_ASCII)
      expect(configured({ "ETCDDISCOVERY_WATCH" => watch }).watch.map(&:b)).to eq ["/kä/".b, "/b\xff/".b]
    end

    it "is refused without being repeated if it is not valid text" do
      %i[user password endpoints server_name discovery_srv].each do |name|
        expect { EtcdDiscovery::Client.new(name => "hunter2\xff") }
          .to raise_error(EtcdDiscovery::ConfigurationError, /\A#{name}: the text is not valid UTF-8\z/)
      end
    end

    it "may name a file by bytes that are not UTF-8, but not by a NUL" do
      %i[ca_file cache_path].each do |name|
        expect { EtcdDiscovery::Client.new(name => "/tmp/k\xff").inspect }.not_to raise_error
        expect { EtcdDiscovery::Client.new(name => "/tmp/\0") }
          .to raise_error(EtcdDiscovery::ConfigurationError, /\A#{name}: contains .*a NUL/)
      end
    end
  end

  it "that is not a valid domain is refused" do
    expect { EtcdDiscovery::Client.new(discovery_srv: "http://example.com") }
      .to raise_error(EtcdDiscovery::ConfigurationError, /discovery_srv: .*not a domain/)
  end

  it "that is an invalid endpoint is refused with the mistake" do
    { "http://a:1/v3" => /has a path/, "http://a:1,http://b:1" => /contains a comma.*list/, "" => /is empty/ }
      .each do |endpoint, mistake|
        expect { EtcdDiscovery::Client.new(endpoints: [endpoint]) }
          .to raise_error(EtcdDiscovery::ConfigurationError, mistake)
      end
  end

  describe "that names layers" do
    let(:env) { { "ETCDDISCOVERY_LAYERS" => "/shop/hosts/a/, /shop/production/,/shop/hosts/a/" } }

    it "has them watched, each once and in its order, and no name that is looked up in them" do
      config = configured(env, watch: ["/service/", "/shop/production/", "checkout/"])
      expect(config.layers).to eq %w[/shop/hosts/a/ /shop/production/]
      expect(config.watch).to eq %w[/service/ /shop/production/ /shop/hosts/a/]
      expect(configured({}, watch: ["checkout/"]).watch).to eq ["checkout/"]
    end

    it "takes what begins and ends with a slash, and nothing else" do
      ["shop/", "/shop", "", ["/shop/", 1]].each do |layers|
        expect { configured({}, layers:) }
          .to raise_error(EtcdDiscovery::ConfigurationError, /layers: .* is not a list of prefixes/)
      end
      expect { configured({ "ETCDDISCOVERY_LAYERS" => "/a/,b/" }).layers }
        .to raise_error(EtcdDiscovery::ConfigurationError, /\AETCDDISCOVERY_LAYERS: /)
    end
  end

  it "keeps no etcd server from starting" do
    names = EtcdDiscovery::Configuration::SETTINGS.flat_map(&:variables)
    expect(names).to all(match(/\A(?!ETCD_)/))
  end

  it "that is true or false is read as YAML and the environment write it, and nothing else is guessed" do
    expect(configured({ "ETCDDISCOVERY_REQUIRED" => "Yes" }).required).to be true
    expect(configured({ "ETCDDISCOVERY_REQUIRED" => "0" }, required: true).required).to be true
    expect(configured({ "ETCDDISCOVERY_REQUIRED" => "off" }).required).to be false
    expect { configured({ "ETCDDISCOVERY_REQUIRED" => "maybe" }).required }
      .to raise_error(EtcdDiscovery::ConfigurationError, /_REQUIRED: "maybe" is not true or false/)
  end

  it "that is wrong in the environment is named by its variable" do
    config = configured({ "ETCDDISCOVERY_BOOT_TIMEOUT" => "soon" })
    expect { config.boot_timeout }
      .to raise_error(EtcdDiscovery::ConfigurationError, /_BOOT_TIMEOUT: "soon" is not a number/)
  end

  it "that is a password belongs to its user: one from a lower level is not used" do
    env = { "ETCDCTL_USER" => "root:own" }
    below = { user: "app", password: "other" }
    login = lambda { |**given|
      EtcdDiscovery::Configuration.new(**given).to_native.values_at(:user, :password)
    }
    expect(login.call(env:, below:)).to eq %w[root own]
    expect(login.call(env: { "ETCDCTL_USER" => "root" }, below:)).to eq %w[root other]
    expect(login.call(env: env.merge("ETCDCTL_PASSWORD" => "beside"), below:)).to eq %w[root beside]
    expect(login.call(env:, below:, user: "me", password: "mine")).to eq %w[me mine]
  end

  it "that does not exist is refused, with the list of settings" do
    expect { configured({}, endpoint: "x") }
      .to raise_error(EtcdDiscovery::ConfigurationError, /endpoint: no such setting; there are endpoints/)
  end

  it "that is secret is not shown, in whatever way it was given" do
    shown = [
      configured({}, user: "root:hunter2"), configured({ "ETCDCTL_USER" => "root:hunter2" }),
      configured({}, user: "root", password: "hunter2")
    ].map(&:inspect).join
    expect(shown).not_to include("hunter2")
  end

  describe "that is wrong and holds a secret" do
    {
      "user as a list" => { user: ["root:hunter2"] },
      "user as a mapping" => { user: { "root" => "hunter2" } },
      "user as a Symbol" => { user: :"root:hunter2" },
      "password as a list" => { password: ["hunter2"] },
      "password as a mapping" => { user: "root", password: { "value" => "hunter2" } },
      "one wrong endpoint among two" => { endpoints: [5, "http://u:hunter2@h:1"] },
      "endpoints as a mapping" => { endpoints: { "h" => "hunter2" } },
      "endpoints in a list of lists" => { endpoints: [["http://u:hunter2@h:1"]] },
      "a user in an endpoint" => { endpoints: ["http://u:hunter2@h:1"] },
      "a user in an endpoint of an unknown scheme" => { endpoints: ["etcd://u:hunter2@h:1"] },
      "a password with a slash in an endpoint" => { endpoints: ["http://u:hun/hunter2@h:1"] },
      "a password in the query" => { endpoints: ["http://h:1/?password=hunter2"] },
      "a user instead of an endpoint" => { endpoints: "root:hunter2" },
      "a private key instead of its path" => { key_file: "-----BEGIN PRIVATE KEY-----\nhunter2" },
      "a private key without its first line" => { key_file: "MIIEvQIBADAN#{'Bg/k' * 30}hunter2" },
      "a PEM file in Base64" => { key_file: "LS0tLS1CRUdJTiBQUklWQVRFIEtFWQ==hunter2" },
      "a user in the address of a socket" => { endpoints: ["unix://u:hunter2@/run/etcd.sock"] },
      "a URL in another setting" => { boot_timeout: "http://u:hunter2@h:1" },
      "an object in another setting" => { watch: [{ password: "hunter2" }] }
    }.each do |what, wrong|
      it "is refused without being repeated: #{what}" do
        expect { EtcdDiscovery::Client.new(watch: ["/a/"], **wrong) }
          .to raise_error(EtcdDiscovery::ConfigurationError) { |error|
            expect(error.full_message(highlight: false).lines.first).not_to include("hunter2")
            expect(error.message).to match(/\A#{wrong.keys.last}: /)
          }
      end
    end

    it "is not shown by lists of the settings either" do
      config = configured({}, user: "root:hunter2", password: "hunter2",
                              endpoints: ["http://u:hunter2@h:1", "http://h:1/?p=hunter2", "root:hunter2"])
      shown = [config.inspect, config.to_s].join
      expect(shown).to include("root").and include("[FILTERED]")
      expect(shown).not_to include("hunter2")
      expect { pp config }.not_to output(/hunter2/).to_stdout
    end

    it "is not repeated if the environment gives it" do
      env = { "ETCDCTL_ENDPOINTS" => "http://a:1,http://u:hunter2@h:1" }
      expect { EtcdDiscovery::Client.new(configured(env)) }
        .to raise_error(EtcdDiscovery::ConfigurationError, /\A(?!.*hunter2)/)
      expect(configured(env).inspect).not_to include("hunter2")
    end
  end
end
