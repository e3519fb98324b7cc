# frozen_string_literal: true

require "fileutils"
require "tmpdir"

RSpec.describe "in Rails, the gem", gems: %w[nokogiri] do
  before(:context) { @etcd = start_etcd.tap { |etcd| etcd.ctl.put("/a/x", "1") } }

  let(:etcd) { @etcd }
  let(:root) { Dir.mktmpdir("rails-loading-") }

  after { FileUtils.rm_rf(root) }

  def write(path, text)
    FileUtils.mkdir_p(File.dirname(File.join(root, path)))
    File.write(File.join(root, path), text)
  end

  # In every RubyProcess the gem is loaded first, before Rails.
  def application(code, body: "", before: "")
    ruby_process(<<~RUBY, etcd, env: { "RAILS_ENV" => "production" })
      require "logger"
      #{before}
      require "rails"
      class Application < Rails::Application
        config.root = #{root.inspect}
        config.eager_load = false
        config.logger = Logger.new($stderr)
        #{body}
      end
      Application.initialize!
      #{code}
    RUBY
  end

  def yml(settings)
    write("config/etcd_discovery.yml", "shared: {endpoints: #{etcd.endpoint}, #{settings}}")
  end

  context "when it is loaded before Rails" do
    it "reads the yml at the first use, and then refuses a wrong setting" do
      yml("watch: /a/")
      expect(application("report EtcdDiscovery['/a/x']").heard).to eq "1"
      yml("watches: /a/")
      expect(application("report error_of { EtcdDiscovery['/a/x'] }").heard)
        .to include(class: "EtcdDiscovery::ConfigurationError",
                    message: /etcd_discovery.yml \(shared\): watches/)
    end

    it "reads the yml also if a read came before Rails" do
      yml("watch: /a/")
      early = "report error_of { EtcdDiscovery['/a/x'] }[:class]"
      process = application("report EtcdDiscovery['/a/x']", before: early)
      expect(Array.new(2) { process.heard }).to eq ["EtcdDiscovery::UnwatchedKeyError", "1"]
    end

    it "reads the yml for an initializer that configures it, and connects when the server boots" do
      yml("boot_timeout: 30")
      write("config/initializers/etcd.rb", "EtcdDiscovery.configure { |config| config.watch '/a/' }")
      process = application(<<~RUBY)
        report EtcdDiscovery.client.config.then { |config| [config.boot_timeout, config.logger.name] }
        report EtcdDiscovery.ready?
        Application.load_server
        report EtcdDiscovery.ready?
      RUBY
      expect(process.heard).to eq [30.0, "EtcdDiscovery::Railtie::CurrentLogger"]
      expect(Array.new(2) { process.heard }).to eq [false, true]
    end

    it "calls blocks in the executor" do
      yml("watch: /a/")
      process = application(<<~RUBY)
        EtcdDiscovery.on_change("/a/", initial: true) { report Application.executor.active? }
        hear
      RUBY
      expect(process.heard).to be true
    end

    it "has its settings in the body of the application's class if ActiveSupport was loaded before" do
      process = application(<<~RUBY, before: <<~BEFORE, body: "config.etcd_discovery.watch = '/a/'")
        report EtcdDiscovery.client.config.watch
        Application.load_server
        report EtcdDiscovery.client.status.state == :stopped
      RUBY
        require "active_support/lazy_load_hooks"
        EtcdDiscovery::RailsLoading.begin
      BEFORE
      expect(Array.new(2) { process.heard }).to eq [["/a/"], false]
    end
  end

  it "has its settings after the boot if a read came before Rails' settings, and keeps its subscriptions" do
    yml("watch: /a/")
    early = <<~RUBY
      config.x.limit = EtcdDiscovery["/a/x"] rescue report($!.class.name)
      EtcdDiscovery.subscribe(:connect) { |event| report event.name }
    RUBY
    process = application(<<~RUBY, body: early)
      report EtcdDiscovery["/a/x"]
      hear
    RUBY
    expect(process.heard).to eq "EtcdDiscovery::UnwatchedKeyError"
    expect([process.heard, process.heard]).to contain_exactly("1", "connect")
  end

  it "keeps its configuration if it was configured before that" do
    yml("watch: /other/")
    early = "EtcdDiscovery.configure { |c| c.endpoints = endpoints; c.watch '/a/' }"
    expect(application("report EtcdDiscovery['/a/x']", body: early).heard).to eq "1"
  end
end
