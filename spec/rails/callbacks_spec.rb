# frozen_string_literal: true

require "fileutils"
require "tmpdir"

RSpec.describe "in Rails, a block that the gem calls", gems: %w[nokogiri] do
  before(:context) { @etcd = start_etcd }

  let(:etcd) { @etcd }
  let(:root) { Dir.mktmpdir("rails-callbacks-") }

  after { FileUtils.rm_rf(root) }

  # An application in development, which reloads the code in app/models.
  def application(code)
    ruby_process(<<~RUBY, etcd, env: { "RAILS_ENV" => "development" })
      require "logger"
      require "rails"
      require "etcd_discovery/railtie"
      class Application < Rails::Application
        config.root = #{root.inspect}
        config.load_defaults 6.1
        config.eager_load = false
        config.cache_classes = false
        config.logger = Logger.new($stderr)
        config.etcd_discovery.endpoints = endpoints
        config.etcd_discovery.watch = %w[/a/ /service/]
      end
      Application.initialize!
      EtcdDiscovery.start
      #{code}
    RUBY
  end

  # Rails looks only at the times of files.
  def write_model(value, time)
    path = File.join(root, "app/models/greeting.rb")
    FileUtils.mkdir_p(File.dirname(path))
    File.write(path, "class Greeting; TEXT = #{value.inspect}; end")
    File.utime(time, time, path)
  end

  it "runs in the executor, and leaves it when it ends, also with an exception" do
    process = application(<<~RUBY)
      finished = Thread::Queue.new
      Application.executor.to_complete { finished << Thread.current.name }
      inside = Thread::Queue.new
      note = ->(name) { inside << [name, Application.executor.active?] }
      EtcdDiscovery.on_change("/a/") { note.call("on_change") || raise("a fault of the block") }
      EtcdDiscovery.subscribe(:registration) { note.call("subscribe") }
      EtcdDiscovery.register("b", "10.0.0.1:1", liveness: -> { note.call("liveness") })
      EtcdDiscovery.put("/a/x", "1")
      seen = []
      wait_until("all three blocks") { (seen << inside.pop) && seen.map(&:first).uniq.size == 3 }
      report seen.uniq.sort
      wait_until("as many ends") { finished.size >= 3 }
    RUBY
    expect(process.heard).to eq [["liveness", true], ["on_change", true], ["subscribe", true]]
    expect(process.finish).to be_success
  end

  it "sees reloaded code" do
    write_model("before", Time.now - 60)
    process = application(<<~RUBY)
      EtcdDiscovery.on_change("/a/") { report Greeting::TEXT }
      EtcdDiscovery.put("/a/x", "1")
      hear
      EtcdDiscovery.put("/a/x", "2")
      hear
    RUBY
    expect(process.heard).to eq "before"
    write_model("after", Time.now)
    process.tell
    expect(process.heard).to eq "after"
  end

  it "is waited for by a reload, and meanwhile the gem can be called from everywhere" do
    process = application(<<~RUBY)
      entered, go = Thread::Queue.new, Thread::Queue.new
      EtcdDiscovery.on_change("/a/") { entered << true; go.pop }
      EtcdDiscovery.put("/a/x", "1")
      entered.pop
      reload = Thread.new { Application.reloader.reload! }
      wait_until("the reload to wait") { reload.status == "sleep" }
      revision = EtcdDiscovery.put("/a/y", "2")
      EtcdDiscovery.wait_for_revision(revision, timeout: 30)
      EtcdDiscovery.on_change("/a/y") { raise "no block runs before the first one is over" }.cancel
      report [EtcdDiscovery["/a/y"], reload.alive?]
      2.times { go << true }
      reload.join(30) or raise "the reload does not end"
      entered.pop # the change of /a/y, after the reload
      report "done"
    RUBY
    expect(process.heard).to eq ["2", true]
    expect(process.heard).to eq "done"
  end
end
