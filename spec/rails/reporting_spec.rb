# frozen_string_literal: true

# Debian's Rails is 6.1. The stand-ins here for `Rails.event` (8.1) and `Rails.error` (7.0) have exactly their
# published methods.
RSpec.describe "in Rails, an event" do
  let(:etcd) { start_etcd }
  let(:proxy) { start_proxy(etcd) }

  # Like ActiveSupport::EventReporter: names become strings, keys symbols.
  let(:reporter) { <<~'RUBY' }
    class Reporter
      attr_reader :subscribers, :seen
      def initialize = (@subscribers, @seen = [], Thread::Queue.new)
      def subscribe(subscriber, &filter) = @subscribers << { subscriber: subscriber, filter: filter }
      def notify(name, payload = nil, caller_depth: 1, **kwargs)
        event = { name: name.to_s, payload: (payload || {}).merge(kwargs).transform_keys(&:to_sym) }
        @subscribers.each { |entry| entry[:subscriber].emit(event) }
      end
    end
    Subscriber = Struct.new(:events) { def emit(event) = events << event }
  RUBY

  def rails(code, at: proxy, **options)
    ruby_process(<<~RUBY, at, **options)
      require "active_support"
      require "active_support/notifications"
      #{reporter}
      module Rails; end
      #{code}
    RUBY
  end

  it "goes to Rails.event if that exists, in a form that every encoder can write" do
    process = rails(<<~'RUBY')
      events = Thread::Queue.new
      reporter = Reporter.new
      Rails.define_singleton_method(:event) { reporter }
      reporter.subscribe(Subscriber.new(events))
      connect "/a/", max_staleness: 600
      EtcdDiscovery.put("/a/x", "secret")
      EtcdDiscovery.wait_for("/a/x", timeout: 30)
      report events.pop
      hear
      report events.pop
    RUBY
    expect(process.heard).to match(
      name: "etcd_discovery.connect",
      payload: a_hash_including(endpoint: proxy.endpoint, inherited: false, happened_at: /\A\d{4}-.*Z\z/)
    )
    proxy.refuse
    process.tell
    event = process.heard
    expect(event[:name]).to eq "etcd_discovery.disconnect"
    expect(event[:payload][:error_class]).to start_with("EtcdDiscovery::")
    expect(event[:payload][:error]).to be_a(String).and include(proxy.endpoint)
    expect(event.to_s).not_to include("secret")
  end

  it "costs no thread without a subscriber, and a failing listener keeps nothing from the others" do
    process = rails(<<~'RUBY')
      reporter = Reporter.new
      Rails.define_singleton_method(:event) { reporter }
      connect "/a/", logger: nil
      report Thread.list.map(&:name).grep(/etcd_discovery/)
      events = Thread::Queue.new
      reporter.subscribe(Subscriber.new(events))
      ActiveSupport::Notifications.subscribe("disconnect.etcd_discovery") { raise "a fault of the listener" }
      EtcdDiscovery.subscribe(:registration) { nil }
      hear
      name = nil
      name = events.pop[:name] until name == "etcd_discovery.disconnect"
      report name
    RUBY
    expect(process.heard).not_to include("etcd_discovery changes")
    proxy.refuse
    process.tell
    expect(process.heard).to eq "etcd_discovery.disconnect"
  end

  it "is reported to Rails.error if it is an error inside the gem, with and without sources" do
    { "7.0" => "", "7.1" => ", source: nil" }.each_value do |source|
      process = rails(<<~RUBY, at: etcd)
        FAULTS = Thread::Queue.new
        class Errors
          def report(error, handled: true, severity: :warning, context: {}#{source})
            FAULTS << [error.class.name, handled, severity, context, #{source.empty? ? 'nil' : 'source'}]
          end
        end
        errors = Errors.new
        Rails.define_singleton_method(:error) { errors }
        outlet = EtcdDiscovery::Events::ErrorReports
        client = EtcdDiscovery::Client.new(source: "memory")
        event = ->(error) { EtcdDiscovery::Event.new(:divergence, { error: error, revision: 7 }, client) }
        outlet.pass(event.call(EtcdDiscovery::ConnectionError.new("away")))
        outlet.pass(event.call(EtcdDiscovery::InternalError.new("a panic")))
        report [outlet.listening?(:divergence), outlet.listening?(:stale), FAULTS.size, FAULTS.pop]
      RUBY
      expect(process.heard).to eq [true, false, 1, [
        "EtcdDiscovery::InternalError", true, "error",
        { etcd_discovery: { revision: 7, event: "divergence" } }, source.empty? ? nil : "etcd_discovery"
      ]]
    end
  end
end
