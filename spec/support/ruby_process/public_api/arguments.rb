# frozen_string_literal: true

module PublicApi # rubocop:disable Metrics/ModuleLength -- it is a table
  nothing = ->(*) {}
  # The value for settings without a default; a text for others.
  given = { logger: nil, endpoints: %w[http://a:1], user: "user:password", change_log: "/changes/",
            fleet: "/fleet/" }
  settings = EtcdDiscovery::Configuration::SETTINGS.to_h do |setting|
    value = setting.default.nil? ? given.fetch(setting.name, "text") : setting.default
    ["EtcdDiscovery::Configuration##{setting.name}=", ->(one, name) { one.public_send(name, value) }]
  end

  by_key = ->(one, name) { one.public_send(name, KEY) }
  typed = ->(one, name) { one.public_send(name, KEY, 1) }
  readers = %w[EtcdDiscovery. EtcdDiscovery::Client# EtcdDiscovery::Snapshot#].flat_map do |type|
    [%w[[] key? fetch].map { |name| [type + name, by_key] },
     %w[json integer float boolean list duration].map { |name| [type + name, typed] }].flatten(1)
  end

  of_a_client = {
    "put" => ->(one, _) { one.put("/service/put", "1") },
    "delete" => ->(one, _) { one.delete("/service/put") },
    "compare_and_set" => ->(one, _) { one.compare_and_set("/service/put", nil, "1") },
    "transaction" => ->(one, _) { one.transaction { |t| t.put("/service/put", "1") } },
    "history" => ->(one, _) { one.history("/service/b") },
    "at" => ->(one, _) { one.at(one.put("/service/put", "1")) },
    "diff" => ->(one, _) { one.diff(from: one.put("/service/put", "1")) },
    "rollback" => ->(one, _) { one.rollback("/service/put", to: one.put("/service/put", "1")) },
    "explain" => ->(one, _) { one.explain("b") },
    "override" => ->(one, _) { one.override("b", "1", for: 60) },
    "release" => ->(one, _) { one.release("b") },
    "wait_for" => ->(one, _) { one.wait_for(KEY, timeout: 5) },
    "wait_for_revision" => ->(one, _) { one.wait_for_revision(1, timeout: 5) },
    "on_change" => ->(one, _) { one.on_change("/service/", initial: true, &nothing) },
    "pin" => ->(one, _) { one.pin { one.snapshot } },
    "subscribe" => ->(one, _) { one.subscribe(&nothing) },
    "register" => ->(one, _) { one.register("/other/b", "10.0.0.1:1").wait }
  }

  of_a_format = {
    "#base" => ->(one, _) { one.base("b") },
    "#encode" => ->(one, _) { one.encode(INSTANCE) },
    "#nested?" => ->(one, _) { one.nested?("a/b", "10.0.0.1:1") },
    "#decode" => lambda do |one, _|
      value = (one == EtcdDiscovery::Formats[:detect] ? EtcdDiscovery::Formats[:plain] : one).encode(INSTANCE)
      one.decode("b", "t", "/service/b/t", value)
    end,
    "EtcdDiscovery::Formats::Format#key" => ->(one, _) { one.key(INSTANCE) },
    "EtcdDiscovery::Formats::Plain#key" => ->(one, _) { one.key(INSTANCE) },
    "EtcdDiscovery::Formats::Zero#key" => ->(one, _) { one.key(INSTANCE) },
    "EtcdDiscovery::Formats.[]" => ->(type, _) { type[:plain] },
    "EtcdDiscovery::Formats.add" => ->(type, _) { type.add(:own, type[:plain]) }
  }

  of_a_setting = {
    "own?" => ->(one, _) { one.own?(ENV) },
    "outdated" => ->(one, _) { one.outdated(ENV) },
    "variable_of" => ->(one, _) { one.variable_of(ENV) },
    "given_by?" => ->(one, _) { one.given_by?(ENV) },
    "check" => ->(one, _) { one.check("user") },
    "check_text" => ->(one, _) { one.check_text("user", "file") },
    "from_environment" => ->(one, _) { one.from_environment(ENV, nil) },
    "show" => ->(one, _) { one.show("user") }
  }

  for_tests = {
    "EtcdDiscovery::Testing.patience=" => ->(one, _) { one.patience = 5 },
    "EtcdDiscovery::Testing.stub" => ->(one, _) { one.stub(KEY => "1", &nothing) },
    "EtcdDiscovery::Testing.set" => ->(one, _) { one.set(KEY => "1") },
    "EtcdDiscovery::Testing::Helpers#stub_etcd" => ->(one, _) { one.stub_etcd(KEY => "1", &nothing) },
    "EtcdDiscovery::Testing::Helpers#set_etcd" => ->(one, _) { one.set_etcd(KEY => "1") }
  }

  others = {
    "EtcdDiscovery.configure" => ->(*) { configure("/service/") },
    "EtcdDiscovery::Fleet#await" => ->(one, _) { one.await(1) },
    # Hosts without a layer of their own are refused after all that a rollout needs has been asked for.
    "EtcdDiscovery::Rollout#run" => lambda do |one, _|
      one.run
    rescue EtcdDiscovery::ConfigurationError
      nil
    end,
    "EtcdDiscovery::Settings.update" => lambda do |type, _|
      declared = Class.new(type) { prefix "/service/" }
      declared.field(:limit, type: :integer, default: 1)
      declared.update(limit: 2)
    end,
    "EtcdDiscovery::Settings::Field#valid?" => ->(one, _) { one.valid?(1) },
    "EtcdDiscovery::Settings::Field#encode" => ->(one, _) { one.encode(1) },
    "EtcdDiscovery::HistoryEntry#at" => ->(one, _) { one.at },
    "EtcdDiscovery::Transaction#put" => ->(one, _) { one.put("/service/put", "1") },
    "EtcdDiscovery::Transaction#delete" => ->(one, _) { one.delete("/service/put") },
    "EtcdDiscovery::Transaction#compare" => ->(one, _) { one.compare("/service/put", revision: 1) },
    "EtcdDiscovery.around_callbacks" => ->(one, _) { one.around_callbacks(&:call) },
    "EtcdDiscovery.service" => ->(one, _) { one.service("b").addresses },
    "EtcdDiscovery::Client::Services#service" => ->(one, _) { one.service("b").addresses },
    "EtcdDiscovery::Client.new" => ->(type, _) { type.new(endpoints:, watch: ["/service/"]).start },
    "EtcdDiscovery::Health.new" => ->(type, _) { type.new },
    "EtcdDiscovery::Configuration.new" => ->(type, _) { type.new },
    "EtcdDiscovery::Instance.new" => ->(type, _) { type.new(service: "b", address: "10.0.0.1:1") },
    "EtcdDiscovery::Middleware::Pin.new" => ->(type, _) { type.new(nil) },
    "EtcdDiscovery::Configuration#get" => ->(one, _) { one.get(:user) },
    "EtcdDiscovery::Configuration#watch" => ->(one, _) { one.watch("/b") },
    "EtcdDiscovery::Configuration#watch=" => ->(one, _) { one.watch = ["/b"] },
    "EtcdDiscovery::Event#[]" => ->(one, _) { one[:age] },
    "EtcdDiscovery::EventType.[]" => ->(type, _) { type[:stale] },
    "EtcdDiscovery::EventType#level" => ->(one, _) { one.level({ age: 1 }) },
    "EtcdDiscovery::Instance#==" => ->(one, _) { one == 1 },
    "EtcdDiscovery::Instance#eql?" => ->(one, _) { one.eql?(1) },
    "EtcdDiscovery::Snapshot#mod_revision" => by_key,
    "EtcdDiscovery::Snapshot#prefix" => ->(one, _) { one.prefix("/service/") },
    "EtcdDiscovery::Service#on_event" => ->(one, _) { one.on_event(&nothing) },
    "EtcdDiscovery::Service#with" => ->(one, _) { one.with(&nothing) },
    "EtcdDiscovery::Service#in_flight" => ->(one, _) { one.in_flight(INSTANCE) },
    "#call" => ->(one, _) { one.call({ "REQUEST_METHOD" => "GET", "PATH_INFO" => "/metrics" }) }
  }

  # By the method of one class, or of whichever class has it.
  ARGUMENTS = {
    **settings, **readers.to_h, **of_a_format, **for_tests, **others,
    **%w[. #].flat_map { |kind| of_a_client.map { |name, call| [kind + name, call] } }.to_h,
    **of_a_setting.transform_keys { |name| "EtcdDiscovery::Setting##{name}" }
  }.freeze
end
