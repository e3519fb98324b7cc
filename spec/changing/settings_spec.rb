# frozen_string_literal: true

require "active_model"
require "active_support/core_ext/numeric/time"
require "logger"

RSpec.describe EtcdDiscovery::Settings do
  let(:etcd) { start_etcd }
  let(:log) { StringIO.new }
  let(:reader) { client(etcd, "/shop/", change_log: "/shop/log/", logger: Logger.new(log)).start }
  let(:settings) do
    reader = self.reader
    Class.new(described_class) do
      define_singleton_method(:client) { reader }
      prefix "/shop/checkout/"
      field :limit, type: :integer, default: 100, in: 1..10_000, description: "orders per minute"
      field :fast_lane, type: :boolean, default: false
      field :timeout, type: :duration, default: 2.0
      field :share, type: :float, default: 0.5, in: 0.0..1.0
      field :currency, type: :string, default: "EUR", format: /\A[A-Z]{3}\z/
      field :hosts, type: :list, default: %w[a b]
      field :tiers, type: :json, default: {}, validate: ->(value) { value.is_a?(Hash) && !value.key?("bad") }
      field :steps, type: :integer, default: 2, validates: { numericality: { greater_than: 1 } }
    end
  end

  def write(key, value)
    reader.wait_for_revision(etcd.ctl.put("/shop/checkout/#{key}", value), timeout: 20)
  end

  it "have their defaults, readers, predicates and a Hash" do
    expect(settings.to_h).to eq(limit: 100, fast_lane: false, timeout: 2.0, share: 0.5, currency: "EUR",
                                hosts: %w[a b], tiers: {}, steps: 2)
    expect([settings.fast_lane?, settings.tiers.frozen?, settings.hosts.frozen?]).to eq [false, true, true]
    expect(settings.fields.map(&:key)).to include("/shop/checkout/limit", "/shop/checkout/tiers")
    expect(settings.fields.first).to have_attributes(name: :limit, type: :integer, default: 100,
                                                     description: "orders per minute")
    expect(described_class.all).to include(settings)
    expect(JSON.parse(settings.fields.first.to_json)).to include("key" => "/shop/checkout/limit",
                                                                 "default" => 100)
  end

  it "follow etcd like a typed read" do
    write("limit", "50")
    write("tiers", '{"gold":3}')
    write("timeout", "250ms")
    expect([settings.limit, settings.tiers, settings.timeout]).to eq [50, { "gold" => 3 }, 0.25]
    expect(settings.tiers).to equal reader.json("/shop/checkout/tiers")
    reader.wait_for_revision(etcd.ctl.delete("/shop/checkout/limit"), timeout: 20)
    expect(settings.limit).to eq 100
  end

  it "write several values in one transaction, and read the same values back" do
    values = { limit: 50, fast_lane: true, timeout: 1.5, share: 1, currency: "USD", hosts: ["x y", "z"],
               tiers: { gold: [1, nil, 2.5, "é"] }, steps: 3 }
    revision = settings.update(by: "ann", note: "sale", **values)
    expect(revision).to eq(etcd.ctl.current_revision).and eq 2
    reader.wait_for_revision(revision, timeout: 20)
    expect(settings.to_h).to eq(**values, tiers: { "gold" => [1, nil, 2.5, "é"] })
    expect(reader.history("/shop/checkout/limit").first).to have_attributes(by: "ann", note: "sale",
                                                                            value: "50")
    reader.wait_for_revision(settings.update(limit: nil, hosts: []), timeout: 20)
    expect([settings.limit, settings.hosts, reader.key?("/shop/checkout/limit")]).to eq [100, [], false]
    [0.00001, 90, 2.minutes, 0].each do |seconds|
      reader.wait_for_revision(settings.update(timeout: seconds), timeout: 20)
      expect(settings.timeout).to be_within(1e-9).of(seconds.to_f)
    end
    expect(settings.update).to be_nil
  end

  {
    "another type" => { limit: "50" }, "a value outside of its range" => { limit: 0 },
    "no whole number" => { limit: 1.5 }, "a text for a boolean" => { fast_lane: "true" },
    "a negative duration" => { timeout: -1 }, "no number" => { share: Float::NAN },
    "a text of another form" => { currency: "eur" }, "a list with a comma in a part" => { hosts: ["a,b"] },
    "a list with an empty part" => { hosts: ["a", ""] },
    "a list of text that is not valid" => { hosts: ["\xff"] },
    "a list of several encodings" => { hosts: ["é".encode("ISO-8859-1"), "ü"] },
    "JSON of text that is not valid" => { tiers: { "a" => "\xff" } },
    "JSON that is nested too deep" => { tiers: (1..120).inject({}) { |inner, _| { "a" => inner } } },
    "JSON that has itself as a part" => { tiers: [].tap { |list| list << list } },
    "what JSON cannot represent" => { tiers: { a: Object.new } },
    "infinity in JSON" => { tiers: { a: Float::INFINITY } },
    "what its check refuses, as readers see it" => { tiers: { bad: 1 } },
    "what a validation of ActiveModel refuses" => { steps: 1 }
  }.each do |what, values|
    it "refuse a bad value before anything is sent: #{what}" do
      expect { settings.update(currency: "USD", **values) }
        .to raise_error(EtcdDiscovery::InvalidValueError,
                        /\.#{values.keys.first} .*nothing was written/) { |error|
              expect(error.key).to eq "/shop/checkout/#{values.keys.first}"
            }
      expect(settings.fields.find do |field|
               field.name == values.keys.first
             end.valid?(values.values.first)).to be false
      expect(etcd.ctl.current_revision).to eq 1
    end
  end

  it "refuse an unknown field" do
    expect do
      settings.update(limits: 1)
    end.to raise_error(ArgumentError, /no field :limits; there are limit, fast_lane/)
  end

  it "keep the last good value while etcd has one that breaks a rule, and report it" do
    write("limit", "50")
    expect(settings.limit).to eq 50
    events = Queue.new
    reader.subscribe(:invalid_value) { |event| events << event.payload }
    revision = etcd.ctl.put("/shop/checkout/limit", "99999")
    reader.wait_for_revision(revision, timeout: 20)
    2.times { expect(settings.limit).to eq 50 }
    expect(reader.status.invalid_keys).to eq ["/shop/checkout/limit"]
    expect(events.pop).to include(key: "/shop/checkout/limit", revision:, problem: "is not in 1..10000")
    write("limit", "text")
    expect([settings.limit, reader.status.invalid_keys]).to eq [50, ["/shop/checkout/limit"]]
    write("limit", "60")
    expect([settings.limit, reader.status.invalid_keys]).to eq [60, []]
    write("steps", "1")
    expect([settings.steps, reader.status.invalid_keys]).to eq [2, ["/shop/checkout/steps"]]
    expect(log.string).not_to include("99999")
  end

  it "survive a rule that raises" do
    reader = self.reader
    odd = Class.new(described_class) do
      define_singleton_method(:client) { reader }
      prefix "/shop/odd/"
      field :tiers, type: :json, default: { "a" => 1 }, validate: ->(value) { value.fetch("a").positive? }
    end
    reader.wait_for_revision(etcd.ctl.put("/shop/odd/tiers", "[]"), timeout: 20)
    expect(odd.tiers).to eq("a" => 1)
    expect { odd.update(tiers: {}) }
      .to raise_error(EtcdDiscovery::InvalidValueError, /breaks its rule: KeyError/)
  end

  it "are checked at their declaration" do
    declare = lambda do |prefix = "/shop/", &block|
      Class.new(described_class) { prefix(prefix) && instance_exec(&block) }
    end
    [
      [/type :number is not one of/, -> { field :a, type: :number }],
      [/there is no range:/, -> { field :a, type: :json, range: 1 }],
      [/the default is not in 1..2/, -> { field :a, type: :integer, default: 3, in: 1..2 }],
      [/the default is not an integer/, -> { field :a, type: :integer, default: "3" }],
      [/format: is for strings/, -> { field :a, type: :integer, format: /x/ }],
      [/:update is not a valid name/, -> { field :update, type: :string }],
      [/:by is not a valid name/, -> { field :by, type: :string }],
      [/:name is not a valid name/, -> { field :name, type: :string }],
      [/is not a valid name/, -> { field "a-b", type: :string }],
      *%i[add define_readers texts_of fields_of write keep raise remove_const inherited].map do |name|
        [/is not a valid name/, -> { field name, type: :string }]
      end
    ].each do |message, body|
      expect { declare.call(&body) }.to raise_error(EtcdDiscovery::ConfigurationError, message)
    end
    ["/checkout", "checkout", nil.to_s].each do |prefix|
      expect { declare.call(prefix) { nil } }
        .to raise_error(EtcdDiscovery::ConfigurationError, /ends in a slash/)
    end
    expect { Class.new(described_class) { field :a, type: :string } }
      .to raise_error(EtcdDiscovery::ConfigurationError, /has no prefix/)
  end

  describe "of a superclass" do
    let(:base) do
      reader = self.reader
      Class.new(described_class) do
        define_singleton_method(:client) { reader }
        prefix "/shop/base/"
        field :limit, type: :integer, default: 1, in: 1..9
        field :open, type: :boolean, default: true
      end
    end

    it "are fields of the subclass, below its own prefix if it has one" do
      same = Class.new(base)
      other = Class.new(base) do
        prefix "/shop/other/"
        field :limit, type: :integer, default: 5, in: 1..9
        field :title, type: :string, default: "x"
      end
      base.field(:late, type: :integer, default: 0)
      expect(same.fields.map(&:key)).to eq %w[/shop/base/limit /shop/base/open /shop/base/late]
      expect(other.to_h).to eq(limit: 5, open: true, title: "x", late: 0)
      reader.wait_for_revision(other.update(limit: 7, open: false, late: 3), timeout: 20)
      expect([other.limit, other.open?, other.late, same.limit, base.open]).to eq [7, false, 3, 1, true]
      expect(etcd.ctl.read_prefix("/shop/base/")).to eq({})
      expect { other.update(limit: 10) }.to raise_error(EtcdDiscovery::InvalidValueError)
    end

    it "keep their defaults and rules when the caller changes its own objects" do
      base # the prefix
      hosts = ["a"]
      range = [%w[a], %w[b]]
      tiers = { "a" => { "b" => 1 } }
      own = Class.new(base) do
        prefix "/shop/own/"
        field :hosts, type: :list, default: hosts, in: range
        field :tiers, type: :json, default: tiers
      end
      hosts << "b,c"
      range.clear
      tiers["a"]["b"] = Object.new
      sub = Class.new(own) { prefix "/shop/sub/" }
      [own, sub].each { |one| expect(one.to_h).to include(hosts: ["a"], tiers: { "a" => { "b" => 1 } }) }
      expect(sub.fields.find { |field| field.name == :hosts }.valid?(["b"])).to be true
    end

    it "are read from the client of each class, also if that is named after the fields" do
      far = client(etcd, "/shop/").start
      late = Class.new(described_class) do
        prefix "/shop/late/"
        field :limit, type: :integer, default: 1
        field :share, type: :float, default: 0.5, in: 0.0..1.0
        define_singleton_method(:client) { far }
      end
      far.wait_for_revision(Class.new(late).update(limit: 7, share: 0.25), timeout: 20)
      expect([late.limit, late.share, Class.new(late).limit]).to eq [7, 0.25, 7]
    end

    it "have a last good value in each class" do
      far = client(etcd, "/shop/", logger: nil).start
      other = Class.new(base) { define_singleton_method(:client) { far } }
      [reader, far].each { |one| one.wait_for_revision(etcd.ctl.put("/shop/base/limit", "4"), timeout: 20) }
      expect(base.limit).to eq 4
      [reader, far].each { |one| one.wait_for_revision(etcd.ctl.put("/shop/base/limit", "99"), timeout: 20) }
      expect([base.limit, other.limit]).to eq [4, 1]
    end
  end

  describe "whose prefix is of names in layers" do
    let(:reader) { client(etcd, layers: %w[/shop/overrides/ /shop/hosts/a/ /shop/]).start }
    let(:settings) do
      reader = self.reader
      Class.new(described_class) do
        define_singleton_method(:client) { reader }
        prefix "checkout/"
        field :limit, type: :integer, default: 100, in: 1..1_000
        field :fast_lane, type: :boolean, default: false
      end
    end

    def update(**values) = reader.wait_for_revision(settings.update(**values), timeout: 20)

    it "read the effective values, and keep the last good one" do
      write("limit", "50")
      expect(settings.limit).to eq 50
      reader.wait_for_revision(etcd.ctl.put("/shop/overrides/checkout/limit", "5000"), timeout: 20)
      expect(settings.limit).to eq 50
      expect(reader.status.invalid_keys).to eq ["checkout/limit"]
      reader.wait_for_revision(etcd.ctl.delete("/shop/overrides/checkout/limit"), timeout: 20)
      expect([settings.limit, reader.status.invalid_keys]).to eq [50, []]
    end

    it "are updated in the layer whose value is in force, and else in the last one" do
      etcd.ctl.put("/shop/hosts/a/checkout/limit", "7")
      update(limit: 8, fast_lane: true)
      expect(etcd.ctl.read_prefix("/shop/")).to eq("/shop/hosts/a/checkout/limit" => "8",
                                                   "/shop/checkout/fast_lane" => "true")
      expect([settings.limit, settings.fast_lane?]).to eq [8, true]
      update(limit: 60, layer: "/shop/")
      update(limit: nil)
      expect(settings.limit).to eq 60
    end

    it "are not updated beneath an override, which would have no effect" do
      settings # an override knows the classes that are loaded
      reader.wait_for_revision(reader.override("checkout/limit", 10), timeout: 20)
      expect { settings.update(limit: 50, fast_lane: true) }
        .to raise_error(EtcdDiscovery::InvalidRequestError, /is overridden.*nothing was written/)
      expect(etcd.ctl.read_prefix("/shop/checkout/")).to eq({})
      update(limit: 50, layer: "/shop/")
      expect([settings.limit, etcd.ctl.get("/shop/checkout/limit")]).to eq [10, "50"]
      expect { settings.update(limit: 1, layer: "/other/") }.to raise_error(ArgumentError, /layer: /)
    end

    it "do not make an override permanent, whether its layer is named or it begins during the update" do
      settings
      reader.wait_for_revision(reader.override("checkout/limit", 10), timeout: 20)
      lease = etcd.ctl.lease_of("/shop/overrides/checkout/limit")
      [8, nil].each do |value|
        expect { settings.update(limit: value, fast_lane: true, layer: "/shop/overrides/") }
          .to raise_error(EtcdDiscovery::InvalidRequestError) { |error|
                expect(error.message).to match(%r{never end.*release it.*, /shop/hosts/a/, /shop/; no})
                expect(error.key).to eq "/shop/overrides/checkout/limit"
              }
      end
      expect(etcd.ctl.lease_of("/shop/overrides/checkout/limit")).to eq lease
      expect(etcd.ctl.get("/shop/overrides/checkout/fast_lane")).to be_nil

      reader.release("checkout/limit")
      etcd.ctl.put("/shop/overrides/checkout/limit", "5")
      allow(reader).to receive(:write).and_wrap_original do |original, *arguments, **options|
        lease = etcd.ctl.run("lease", "grant", "600")[/lease (\w+)/, 1]
        etcd.ctl.put("/shop/overrides/checkout/limit", "9", "--lease=#{lease}")
        original.call(*arguments, **options)
      end
      expect { settings.update(limit: 8) }
        .to raise_error(EtcdDiscovery::InvalidRequestError, /is overridden/)
      expect(etcd.ctl.get("/shop/overrides/checkout/limit")).to eq "9"
    end

    it "are written on top of what others write meanwhile" do
      settings
      others = 3
      allow(reader).to receive(:write).and_wrap_original do |original, *arguments, **options|
        etcd.ctl.put("/shop/checkout/limit", (others -= 1).to_s) if others.positive?
        original.call(*arguments, **options)
      end
      update(limit: 8)
      expect(etcd.ctl.get("/shop/checkout/limit")).to eq "8"
    end
  end

  it "use the default client, and a test's stub" do
    own = Class.new(described_class) do
      prefix "/shop/own/"
      field :limit, type: :integer, default: 1
    end
    EtcdDiscovery::Testing.stub("/shop/own/limit" => 5) { expect(own.limit).to eq 5 }
    EtcdDiscovery::Testing.stub({}) do
      own.update(limit: 7)
      expect([own.limit, own.to_h]).to eq [7, { limit: 7 }]
    end
    expect(own.limit).to eq 1
  end
end
