# frozen_string_literal: true

module PublicApi
  client = lambda do
    EtcdDiscovery::Client.new(endpoints:, watch: ["/service/"], layers: ["/layer/"], fleet: "/fleet/").start
  end
  nothing = ->(*) {}
  change = lambda do
    snapshot = EtcdDiscovery.snapshot
    EtcdDiscovery::Change.new(*snapshot.native_changes_since(nil, "/service/").first, snapshot)
  end

  # An object of each class.
  SUBJECTS = {
    "Client::Services" => client, "Client" => client, "Instance" => -> { INSTANCE }, "Change" => change,
    "Configuration" => -> { EtcdDiscovery::Configuration.new },
    "Event" => -> { EtcdDiscovery::Event.new(:stale, { age: 1 }, nil) },
    "EventSubscription" => -> { EtcdDiscovery.subscribe(&nothing) },
    "Difference" => -> { EtcdDiscovery::Difference.new("/service/b", nil, "1") },
    "Explanation" => -> { EtcdDiscovery.explain("b") },
    "Explanation::Part" => -> { EtcdDiscovery.explain("b").first },
    "Fleet" => -> { EtcdDiscovery.fleet }, "Fleet::Report" => -> { EtcdDiscovery.fleet.await(1) },
    "Fleet::Member" => -> { EtcdDiscovery.fleet.members.first },
    "Fleet::Answer" => -> { EtcdDiscovery.fleet.await(1).reached.first },
    "Rollout" => -> { EtcdDiscovery::Rollout.new("b", "1") },
    "Rollout::Progress" => -> { EtcdDiscovery::Rollout::Progress.new(:awaited, name: "b") },
    "HistoryEntry" => -> { EtcdDiscovery::HistoryEntry.new("/service/b", 1, :put, "1", nil) },
    "Transaction" => -> { EtcdDiscovery::Transaction.new },
    "EventType" => -> { EtcdDiscovery::EventType[:stale] }, "Health" => -> { EtcdDiscovery::Health.new },
    "Formats::Detect" => -> { EtcdDiscovery::Formats[:detect] },
    "Formats::Endpoints" => -> { EtcdDiscovery::Formats[:endpoints] },
    "Formats::Format" => -> { EtcdDiscovery::Formats[:plain] },
    "Formats::Kratos" => -> { EtcdDiscovery::Formats[:kratos] },
    "Formats::Plain" => -> { EtcdDiscovery::Formats[:plain] },
    "Formats::Zero" => -> { EtcdDiscovery::Formats[:zero] },
    "Middleware::Pin" => -> { EtcdDiscovery::Middleware::Pin.new(->(env) { env }) },
    "Registration" => -> { EtcdDiscovery.register("/other/a", "10.0.0.1:1").wait },
    "Service" => -> { EtcdDiscovery.service("b") },
    "Setting" => -> { EtcdDiscovery::Configuration::SETTINGS.find { |setting| setting.name == :user } },
    "Settings::Field" => lambda do
      Class.new(EtcdDiscovery::Settings) { prefix "/service/" }.field(:limit, type: :integer, default: 1)
    end,
    "Snapshot" => -> { EtcdDiscovery.snapshot }, "Status" => -> { EtcdDiscovery.status },
    "Subscription" => -> { EtcdDiscovery.on_change("/service/", &nothing) },
    "Testing::Helpers" => -> { Object.new.extend(EtcdDiscovery::Testing::Helpers) }
  }.freeze
end
