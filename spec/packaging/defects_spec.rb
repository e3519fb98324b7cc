# frozen_string_literal: true

require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "tmpdir"

# A library that panics on demand, compiled only for this spec: a release build refuses the feature.
RSpec.describe "a panic in the native code" do
  root = File.expand_path("../..", __dir__)

  def self.compile(root, *flags)
    command = %w[cargo rustc --package etcd_discovery --lib --features defects --locked
                 --message-format json-render-diagnostics]
    Open3.capture3({ "RUBY" => RbConfig.ruby }, *command, *flags, chdir: root)
  end

  before(:context) do
    @place = Dir.mktmpdir("etcd_discovery-defects")
    messages, errors, status = self.class.compile(root)
    raise errors unless status.success?

    library = messages.each_line.map { |line| JSON.parse(line) }
                      .select { |message| message.dig("target", "name") == "etcd_discovery" }
                      .flat_map { |message| message.fetch("filenames", []) }
                      .find { |path| path.end_with?(RbConfig::CONFIG.fetch("SOEXT")) }
    @lib = File.join(@place, "lib")
    FileUtils.cp_r(File.join(root, "lib"), @lib)
    FileUtils.cp(library, File.join(@lib, "etcd_discovery.#{RbConfig::CONFIG.fetch('DLEXT')}"))
  end

  after(:context) { FileUtils.rm_rf(@place) }

  let(:etcd) { start_etcd }

  def process(code) = ruby_process(code, etcd, lib: @lib)

  it "cannot be enabled in a release: that build is refused" do
    _, errors, status = self.class.compile(root, "--profile", "release")
    expect(status).not_to be_success
    expect(errors).to include("it is for tests, never for a release")
    expect(EtcdDiscovery).not_to respond_to(:native_defect)
  end

  it "in a method is an InternalError that can be rescued, and the process continues" do
    asked = process(<<~RUBY)
      connect "/service/"
      report error_of { EtcdDiscovery.native_defect(nil, 0) }
      report EtcdDiscovery.put("/service/b", "1") && EtcdDiscovery.wait_for("/service/b", timeout: 30)
    RUBY
    error = asked.heard
    expect(error).to include(class: "EtcdDiscovery::InternalError")
    expect(error[:ancestors]).to include("EtcdDiscovery::Error", "StandardError")
    expect(error[:message]).not_to match(/panicked|\.rs:|RUST_BACKTRACE|on purpose/)
    expect(asked.heard).to eq "1"
  end

  it "in a request is an InternalError for the thread that waits for it, and the next request is answered" do
    asked = process(<<~RUBY)
      connect "/service/"
      EtcdDiscovery.native_defect("/service/b", 1)
      report error_of { EtcdDiscovery.put("/service/b", "1") }
      report EtcdDiscovery.put("/service/b", "2") && EtcdDiscovery.wait_for("/service/b", timeout: 30)
    RUBY
    expect(asked.heard).to include(class: "EtcdDiscovery::InternalError")
    expect(asked.heard).to eq "2"
  end

  it "in the task that follows etcd restarts it: reads still work, and the log says so" do
    follower = process(<<~'RUBY')
      require "logger"
      lines = Queue.new
      logger = Logger.new(StringIO.new, formatter: ->(level, _, _, line) { lines << "#{level} #{line}" })
      connect "/service/", logger: logger
      EtcdDiscovery.put("/service/a", "1")
      EtcdDiscovery.wait_for("/service/a", timeout: 30)
      EtcdDiscovery.native_defect("/service/panics", 1)
      report true
      error = wait_until("the error") { EtcdDiscovery.status.last_error }
      report [error.class.name, error.message, EtcdDiscovery["/service/a"]]
      report EtcdDiscovery.wait_for("/service/panics", timeout: 30)
      wait_until("a confirmation") { EtcdDiscovery.healthy? && EtcdDiscovery.status.state == :watching }
      wait_until("a line") { lines.size >= 2 }
      report Array.new(lines.size) { lines.pop }
    RUBY
    follower.heard
    etcd.ctl.put("/service/panics", "survived")
    expect(follower.heard)
      .to match ["EtcdDiscovery::InternalError", /a Rust panic was caught.*please report it/, "1"]
    expect(follower.heard).to eq "survived"
    expect(follower.heard).to include(match(/a Rust panic was caught/))
  end

  it "in the task that keeps registrations restarts it, and the instance is registered" do
    announcer = process(<<~RUBY)
      connect "/service/"
      EtcdDiscovery.native_defect("/service/b/one", 2)
      registration = EtcdDiscovery.register("b", "10.1.1.60:8081", id: "one", ttl: 10).wait(timeout: 60)
      report [registration.state, registration.last_error.class.name]
      hear
    RUBY
    expect(announcer.heard(timeout: 90)).to eq %w[registered EtcdDiscovery::InternalError]
    expect(etcd.ctl.get("/service/b/one")).to eq "10.1.1.60:8081"
    expect_soon("the lease of before to be revoked") { etcd.ctl.leases.size == 1 }
  end
end
