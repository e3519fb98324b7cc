# frozen_string_literal: true

# Ruby refuses a Mutex in a signal handler, and raises a ThreadError.
RSpec.describe "in a signal handler" do
  let(:etcd) { start_etcd }

  it "every public method works; the methods for tests say that they do not" do
    process = ruby_process(<<~RUBY, etcd)
      require "#{File.expand_path('../support/ruby_process/public_api', __dir__)}"
      connect "/service/", layers: ["/layer/"], fleet: "/fleet/"
      EtcdDiscovery.put(PublicApi::KEY, "10.0.0.1:1").then { |revision| EtcdDiscovery.wait_for_revision(revision, timeout: 5) }
      call = answer = nil
      trap(:USR1) { answer = error_of { call.call } || {} }
      raised = PublicApi.calls.to_h do |name, each|
        call = each
        answer = nil
        Process.kill(:USR1, Process.pid)
        wait_until("the handler of \#{name}") { answer }
        [name, answer.values_at(:class, :message).compact]
      end
      report raised.size
      report raised.reject { |_, error| error.empty? }
    RUBY
    expect(process.heard(timeout: 60)).to be > 200
    raised = process.heard
    for_tests = %w[reset set settle stub].map { |name| :"EtcdDiscovery::Testing.#{name}" }
    for_tests += %w[set_etcd stub_etcd].map { |name| :"EtcdDiscovery::Testing::Helpers##{name}" }
    expect(raised.keys).to match_array for_tests
    expect(raised.values.map(&:first).uniq).to eq ["EtcdDiscovery::SignalHandlerError"]
  end

  it "the first read makes the default client, and its watch keeps following" do
    variables = { "ETCDDISCOVERY_ENDPOINTS" => etcd.endpoint, "ETCDDISCOVERY_WATCH" => "/service/" }
    etcd.ctl.put("/service/b", "old")
    process = ruby_process(<<~RUBY, etcd, env: variables)
      #{in_handler('EtcdDiscovery["/service/b"]')}
      EtcdDiscovery.put("/service/b", "new")
      wait_until("the change") { EtcdDiscovery["/service/b"] == "new" }
      report "followed"
    RUBY
    expect([process.heard, process.heard]).to eq %w[old followed]
  end

  it "subscribing works: the block receives what comes after it" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      #{in_handler('EtcdDiscovery.on_change("/service/") { |change| report change.value }.class')}
      EtcdDiscovery.put("/service/b", "new")
      hear
    RUBY
    expect([process.heard, process.heard]).to eq %w[EtcdDiscovery::Subscription new]
  end

  it "no log line is lost" do
    process = ruby_process(<<~RUBY, etcd)
      require "logger"
      require "tmpdir"
      path = File.join(Dir.tmpdir, "lines")
      connect "/service/", logger: Logger.new(path)
      EtcdDiscovery.put("/service/b", "{").then { |revision| EtcdDiscovery.wait_for_revision(revision, timeout: 5) }
      #{in_handler('EtcdDiscovery.service("b").addresses')}
      wait_until("the line") { File.read(path).include?("/service/b is not a valid instance") }
      report "logged"
    RUBY
    expect([process.heard, process.heard]).to eq [[], "logged"]
    expect(File.read(process.log)).not_to include "trap context"
  end

  it "`deregister` works, and nothing is left in etcd" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      registration = EtcdDiscovery.register("b", "10.0.0.1:1", id: "t", ttl: 10).wait
      #{in_handler('registration.deregister')}
    RUBY
    expect(process.heard).to be true
    expect(etcd.ctl.read_prefix("/service/")).to be_empty
  end

  describe "that has interrupted the same part of the library" do
    it "a call whose result is needed raises an error of the gem that says what to do" do
      process = ruby_process(<<~RUBY, etcd)
        connect "/service/"
        EtcdDiscovery.put("/service/b", "{").then { |revision| EtcdDiscovery.wait_for_revision(revision, timeout: 5) }
        service = EtcdDiscovery.service("b")
        trap(:USR1) { report error_of { service.addresses } }
        within = TracePoint.new(:call) do |point|
          Process.kill(:USR1, Process.pid) if point.method_id == :report && point.self.equal?(service)
        end
        within.enable(target_thread: Thread.main) { service.addresses }
        report service.addresses
      RUBY
      error = process.heard
      expect(error[:class]).to eq "EtcdDiscovery::SignalHandlerError"
      expect(error[:message]).to include "make the call on a thread"
      expect(process.heard).to eq []
    end

    it "subscribing, cancelling and configuring happen as soon as that part has finished" do
      process = ruby_process(<<~RUBY, etcd)
        connect "/service/"
        first, second = Array.new(2) { EtcdDiscovery.on_change("/service/", initial: true) { report "former" } }
        EtcdDiscovery.put("/service/a", "1")
        hear
        trap(:USR1) do
          EtcdDiscovery.on_change("/service/") { |change| report change.value }
          second.cancel
          configure "/service/"
        end
        index = EtcdDiscovery.send(:const_get, :SubscriptionIndex)
        within = TracePoint.new(:c_call) do |point|
          Process.kill(:USR1, Process.pid) if point.method_id == :delete && point.defined_class == index
        end
        within.enable(target_thread: Thread.main) { first.cancel }
        EtcdDiscovery.start
        EtcdDiscovery.put("/service/a", "2")
        hear
      RUBY
      expect([process.heard, process.heard]).to eq %w[former former]
      process.tell
      expect(process.heard).to eq "2"
    end
  end

  # Ruby code that calls `call` in a handler, and reports its result.
  def in_handler(call)
    <<~RUBY
      done = false
      trap(:USR1) do
        report(begin
          #{call}
        rescue Exception => e
          e.class
        end)
        done = true
      end
      Process.kill(:USR1, Process.pid)
      wait_until("the handler") { done }
    RUBY
  end
end
