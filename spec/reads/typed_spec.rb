# frozen_string_literal: true

require "securerandom"

RSpec.describe "a typed read" do
  before(:context) { @etcd = start_etcd }

  let(:etcd) { @etcd }
  let(:prefix) { "/#{SecureRandom.hex(4)}/" }
  let(:key) { "#{prefix}key" }
  let(:log) { [] }
  let(:logger) { Class.new { %i[info error].each { |level| define_method(level) { |_| nil } } }.new }
  let(:reader) { client(etcd, prefix, logger:).tap(&:start) }

  before { logger.define_singleton_method(:warn, &log.method(:<<)) }

  def put(value)
    revision = etcd.ctl.put(key, value)
    wait_until("revision #{revision}") { reader.snapshot.revision >= revision }
  end

  {
    integer: { "42" => 42, " -7\n" => -7, "1_000" => 1000, "010" => 10, "9" * 40 => Integer("9" * 40) },
    float: { "2.5" => 2.5, "3" => 3.0, "1e3" => 1000.0 },
    boolean: { "true" => true, "Yes" => true, "on\n" => true, "1" => true,
               "false" => false, "NO" => false, "off" => false, "0" => false },
    list: { "a, b\nc,,\n" => %w[a b c], "" => [] },
    duration: { "2.5" => 2.5, "250ms" => 0.25, "3ms" => 0.003, "1h30m" => 5400.0, "1m 5s" => 65.0,
                "2d" => 172_800.0, "100us" => 0.0001 },
    json: { '{"a":[1,2.5,null,true,"é"]}' => { "a" => [1, 2.5, nil, true, "é"] },
            '{"a":1,"b":2,"a":3}' => { "a" => 3, "b" => 2 },
            "9" * 40 => Integer("9" * 40), "-1e2" => -100.0, "[]" => [], '"x"' => "x" }
  }.each do |kind, readings|
    it "by `#{kind}` reads #{readings.keys.map { |text| text[0, 30] }.inspect}" do
      readings.each do |text, value|
        put(text)
        expect(reader.public_send(kind, key)).to eq(value).and be_a(value.class)
        expect(reader.snapshot.public_send(kind, key)).to eq(value)
      end
    end
  end

  { integer: ["1.5", "", "one"], float: ["x", ""], boolean: %w[2 tru], duration: %w[-1s 5parsecs 1.2.3 m],
    json: ["{", "", "[1,]", "\xFF", ("[" * 200) + ("]" * 200), "1 2"] }.each do |kind, texts|
    it "by `#{kind}` refuses other values, naming key and revision and not the value" do
      texts.each do |text|
        put(text)
        expect { reader.public_send(kind, key) }.to raise_error(EtcdDiscovery::ParseError) { |error|
          expect(error.message).to include(key)
          expect(error.message).not_to include("parsecs")
          expect(error.key).to eq key
          expect(error.revision).to be_positive
        }
        expect(reader.public_send(kind, key, :default)).to eq :default
      end
    end
  end

  it "returns one deeply frozen object until the key changes, and then another" do
    put('{"hosts": [{"name": "a"}]}')
    first = reader.json(key)
    host = first["hosts"][0]
    expect([first, first.keys[0], first["hosts"], host, host["name"]]).to all(be_frozen)
    etcd.ctl.put("#{prefix}other", "1")
    wait_until("the other key") { reader.integer("#{prefix}other") == 1 }
    expect(reader.json(key)).to equal first
    expect(reader.snapshot.json(key)).to equal first
    put('{"hosts": []}')
    expect(reader.json(key)).to eq("hosts" => [])
  end

  it "returns nil or the default for a missing key, and refuses an unwatched one", :misuse do
    expect([reader.json(key), reader.integer(key, 5), reader.snapshot.list(key, [])]).to eq [nil, 5, []]
    expect { reader.json("/elsewhere") }.to raise_error(EtcdDiscovery::UnwatchedKeyError)
    expect { reader.json }.to raise_error(ArgumentError)
    expect { reader.json(:symbol) }.to raise_error(TypeError)
  end

  it "returns the last good value while a bad one is in etcd, and reports it once" do
    put('{"limit": 5}')
    good = reader.json(key)
    put("{oops")
    3.times { expect(reader.json(key)).to equal good }
    expect(reader.snapshot.json(key)).to equal good
    expect(reader[key]).to eq "{oops"
    expect(reader.status.invalid_keys).to eq [key]
    wait_until("the line in the log") { log.any? }
    expect(log).to contain_exactly(include(key).and(satisfy { |line| !line.include?("oops") }))
    put('{"limit": 6}')
    expect(reader.json(key)).to eq("limit" => 6)
    expect(reader.status.invalid_keys).to be_empty
  end

  it "forgets the last good value when the key is deleted" do
    put("5")
    expect(reader.integer(key)).to eq 5
    revision = etcd.ctl.delete(key)
    wait_until("the deletion") { reader.snapshot.revision >= revision }
    expect(reader.integer(key)).to be_nil
    put("bad")
    expect { reader.integer(key) }.to raise_error(EtcdDiscovery::ParseError)
  end

  it "keeps the last good value of a key that is deleted and written again between two reads" do
    put("5")
    expect(reader.integer(key)).to eq 5
    etcd.ctl.delete(key)
    reader.wait_for_revision(etcd.ctl.put(key, "bad"), timeout: 10)
    expect(reader.integer(key)).to eq 5
    expect(reader.status.invalid_keys).to eq [key]
  end

  it "has a last good value only for the readers that read it, as that type" do
    put("5")
    expect(reader.integer(key)).to eq 5
    put("five")
    expect(reader.integer(key)).to eq 5
    expect { reader.float(key) }.to raise_error(EtcdDiscovery::ParseError)
    late = client(etcd, prefix, logger:)
    expect { late.integer(key) }.to raise_error(EtcdDiscovery::ParseError)
    expect(late.integer(key, 7)).to eq 7
  end

  it "survives a logger that fails" do
    logger.define_singleton_method(:warn) { |_| raise "disk full" }
    put("bad")
    expect(reader.integer(key, 1)).to eq 1
  end
end
