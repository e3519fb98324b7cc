# frozen_string_literal: true

require "logger"
require "pp" # rubocop:disable Lint/RedundantRequireStatement
require "yaml"

# Error reporters, log formatters and job queues write whatever they get (promise 10).
RSpec.describe "objects that a tool serializes" do
  secrets = /value-secret|password-secret|environment-secret|user-secret/

  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/a/x", "value-secret") } }
  let(:reader) { client(etcd, "/a/", logger: Logger.new(File::NULL)).tap(&:start) }
  let(:changes) { Queue.new }
  let(:events) { Queue.new }
  let(:config) do
    EtcdDiscovery::Configuration.new(
      env: { "ETCDDISCOVERY_PASSWORD" => "environment-secret", "OTHER" => "environment-secret" },
      endpoints: ["http://user:password-secret@10.0.0.1:2379", "http://10.0.0.2:2379"], watch: "/a/",
      user: "root:user-secret", request_timeout: 2, logger: Logger.new(File::NULL)
    )
  end

  let(:subscriptions) do
    [reader.on_change("/a/y") { |change| changes << change },
     reader.subscribe(:change) { |event| events << event }]
  end

  def next_of(queue)
    expect_soon("a notice") { !queue.empty? }
    queue.pop
  end

  # Objects that belong to this process, and their JSON.
  def bound
    name = "/a/service"
    { reader => { "place" => etcd.endpoint, "watch" => ["/a/"] },
      reader.service(name) => { "name" => name },
      reader.register(name, "a:1").wait(timeout: 30) => include("key" => name, "state" => "registered"),
      reader.registrations => [include("address" => "a:1", "last_error" => nil)],
      reader.snapshot => { "revision" => be_an(Integer), "size" => be_an(Integer) } }
  end

  def received
    subscriptions
    revision = reader.put("/a/y", "value-secret")
    change = { "type" => "put", "key" => "/a/y", "revision" => revision }
    { next_of(changes) => change,
      next_of(events) => include("name" => "change", "payload" => include("change" => change)),
      subscriptions[0] => { "target" => "/a/y", "cancelled" => false },
      subscriptions[1] => { "names" => ["change"], "cancelled" => false } }
  end

  def settings
    { config => include("user" => "root", "password" => "[FILTERED]", "request_timeout" => 2.0,
                        "endpoints" => [end_with("[FILTERED]"), "http://10.0.0.2:2379"]) }
  end

  # Objects that mean the same in another process.
  def data
    kept = EtcdDiscovery::Service::Event.new(type: :kept, service: "b", message: "m")
    { EtcdDiscovery::Instance.new(service: "b", id: "1", address: "a:1", weight: Float::INFINITY) =>
        include("service" => "b", "id" => "1", "address" => "a:1", "weight" => "Infinity", "metadata" => {}),
      reader.status => include("state" => "watching", "stale" => false, "watched" => ["/a/"]),
      kept => { "type" => "kept", "service" => "b", "message" => "m" },
      EtcdDiscovery::EventType[:stale] => include("name" => "stale") }
  end

  it "are short in JSON and YAML, as plain data without a secret" do
    { **received, **bound, **settings, **data }.each do |object, expected|
      json = JSON.generate([object])
      expect(JSON.parse(json)).to match [expected]
      expect(JSON.parse(object.to_json)).to match expected
      expect(YAML.safe_load(YAML.dump(object))).to match expected
      shown = [json, JSON.pretty_generate(object), YAML.dump(object), object.pretty_inspect, object.inspect]
      expect(shown.grep(secrets)).to be_empty
      expect(shown.map(&:size).max).to be < 2_500
    end
  end

  it "are copied by Marshal if a copy means something, and otherwise refused with an explanation" do
    data.each_key { |object| expect(Marshal.load(Marshal.dump(object)).to_json).to eq object.to_json }
    { **received, **bound, **settings }.each_key do |object|
      expect { Marshal.dump(object) }
        .to raise_error(TypeError, /\AEtcdDiscovery::\w+ belongs to this process, and Marshal /) do |error|
          expect(error.message).not_to match secrets
        end
    end
  end

  it "are valid JSON even if a key is not UTF-8, and metadata contains itself or anything else", :misuse do
    metadata = { "k\xFF".b => "v\xFF".b, Object => Object.new, "rational" => 1r / 3 }
    metadata["self"] = metadata
    instance = EtcdDiscovery::Instance.new(service: "b", address: "a:1", metadata:)
    expect(JSON.parse(instance.to_json)["metadata"])
      .to include("k\uFFFD" => "v\uFFFD", "Object" => "Object", "rational" => be_within(0.01).of(0.33))
  end

  it "are valid JSON even if an event is about a key that is not UTF-8, and so is its payload alone" do
    key = "/a/\xFF".b
    met = Queue.new
    reader.subscribe(:invalid_value, :change) { |event| met << event if event[:key] == key }
    reader.wait_for_revision(reader.put(key, "no number"), timeout: 10)
    reader.integer(key, 0)
    Array.new(2) { next_of(met) }.each do |event|
      expect(JSON.parse(event.to_json)["payload"]).to include("key" => "/a/\uFFFD")
      expect(JSON.parse(event.payload.to_json)).to include("key" => "/a/\uFFFD")
      expect(JSON.parse(JSON.generate([event.payload.merge(more: key)])))
        .to match [include("key" => "/a/\uFFFD", "more" => "/a/\uFFFD")]
      expect(event.payload).to include(key:)
    end
  end

  it "and events are the same with ActiveSupport, whose Object#to_json follows every reference" do
    process = ruby_process(<<~'RUBY', etcd)
      require "active_support"
      require "active_support/core_ext/object/json"
      require "active_support/notifications"
      payloads = Queue.new
      ActiveSupport::Notifications.subscribe(/etcd_discovery\z/) { |name, *, payload| payloads << [name, payload] }
      connect "/a/"
      EtcdDiscovery.put("/a/y", "value-secret")
      seen = []
      seen << payloads.pop until seen.any? { |name, _| name == "change.etcd_discovery" }
      client = EtcdDiscovery.client
      objects = [client, client.config, client.service("/a/b"), client.snapshot, client.registrations,
                 client.on_change("/a/") { nil }, client.status]
      report [seen.to_h.transform_values(&:to_json), objects.map(&:to_json), { client:, list: objects }.to_json,
              client.to_json(only: ["watch"])]
    RUBY
    payloads, *objects = process.heard
    change = JSON.parse(payloads[:"change.etcd_discovery"])
    expect(change).to include("key" => "/a/y", "client" => { "place" => etcd.endpoint, "watch" => ["/a/"] },
                              "change" => include("key" => "/a/y"))
    expect([payloads, objects].to_s).not_to match secrets
    expect(objects.flatten.map(&:size).max).to be < 5_000
    expect(objects.last).to eq '{"watch":["/a/"]}'
  end
end
