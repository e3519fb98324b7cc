# frozen_string_literal: true

require "fileutils"
require "tmpdir"

RSpec.describe "in Rails, a setting", gems: %w[nokogiri] do
  # Each case runs a real application in a separate process, forked from one that has Rails loaded. An
  # application made by `rails new` takes longer to boot and shows no more.
  rails = <<~'RUBY'
    require "logger"
    require "rails"
    require "etcd_discovery/railtie"

    while (words = hear)
      in_child do
        environment, settings, asked = JSON.parse(words)
        ENV.update(environment)
        eval <<~APPLICATION
          class Application < Rails::Application
            config.eager_load = false
            config.logger = Logger.new($stderr)
            #{settings}
          end
        APPLICATION
        report(error_of { Application.initialize! } || { found: eval(asked) })
      end
    end
  RUBY

  before(:context) { @rails = ruby_process(rails) }

  let(:root) { Dir.mktmpdir("rails-settings-") }
  let(:file) { "config/etcd_discovery.yml" }

  after { FileUtils.rm_rf(root) }

  def write(path, text)
    FileUtils.mkdir_p(File.dirname(File.join(root, path)))
    File.write(File.join(root, path), text)
  end

  def boot(settings = "", asked: "nil", rails_env: "production", **env)
    environment = env.transform_keys(&:to_s).merge("RAILS_ENV" => rails_env)
    @rails.tell(JSON.generate([environment, "config.root = #{root.inspect}\n#{settings}", asked]))
    @rails.heard
  end

  # What the application has after it booted.
  def found(asked, settings = "", **env)
    answer = boot(settings, asked:, **env)
    expect(answer).to include(:found), answer[:message]
    answer[:found]
  end

  def in_force(*names, settings: "", **env)
    found("EtcdDiscovery.client.config.then { |c| [#{names.map { |name| "c.#{name}" }.join(', ')}] }",
          settings, **env)
  end

  def refused(settings = "", **env)
    failure = boot(settings, **env)
    expect(failure[:class]).to eq "EtcdDiscovery::ConfigurationError"
    failure[:message]
  end

  it "comes from the yml alone: from `shared` and from the environment's section, which wins, with ERB" do
    write(file, <<~YAML)
      shared:
        watch: [/config/, /service/]
        max_staleness: 30
        endpoints: <%= ENV["MEMBERS"] %>
        boot_timeout: <%= ENV["NOT_SET"] %>
      production:
        max_staleness: <%= 4 * 5 %>
    YAML
    expect(in_force("watch", "max_staleness", "endpoints", "boot_timeout"))
      .to eq [["/config/", "/service/"], 20.0, ["http://127.0.0.1:2379"], 5.0]
    expect(in_force("max_staleness", "endpoints", rails_env: "staging", MEMBERS: "http://a:1, http://b:1"))
      .to eq [30.0, ["http://a:1", "http://b:1"]]
  end

  it "comes from an initializer alone" do
    write("config/initializers/etcd_discovery.rb", <<~RUBY)
      EtcdDiscovery.configure { |config| config.watch "/initializer/" }
    RUBY
    expect(in_force("watch")).to eq [["/initializer/"]]
  end

  it "comes from the block first, then the environment, config.etcd_discovery, and the yml" do
    write(file, "shared: {watch: /yml/, backoff_cap: 1, request_timeout: 1, connect_timeout: 1}")
    names = %w[connect_timeout backoff_cap request_timeout watch]
    rest = { settings: "config.etcd_discovery.backoff_cap = 2\nconfig.etcd_discovery.request_timeout = 2",
             ETCDDISCOVERY_REQUEST_TIMEOUT: "3" }
    expect(in_force(*names, **rest)).to eq [1.0, 2.0, 3.0, ["/yml/"]]
    write("config/initializers/etcd_discovery.rb", "EtcdDiscovery.configure { |c| c.request_timeout = 4 }")
    expect(in_force(*names, **rest)).to eq [1.0, 2.0, 4.0, ["/yml/"]]
  end

  it "that is a path is relative to the application's folder, wherever the process runs" do
    write(file, "shared: {watch: /a/, ca_file: config/ca.pem}")
    expect(in_force("ca_file")).to eq ["#{root}/config/ca.pem"]
  end

  it "that names a file which does not exist yet, as during an image build, stops no boot" do
    write(file, "shared: {watch: /a/, ca_file: secrets/ca.pem, cache_path: not/mounted/copy}")
    expect(found("EtcdDiscovery.status.state.to_s")).to eq "stopped"
    expect(found("error_of { EtcdDiscovery.start }")[:message])
      .to start_with "ca_file: #{root}/secrets/ca.pem:"
  end

  it "is memory for the source in the test environment, unless another one, or none, is given" do
    write(file, "production: {watch: /a/}\ntest:")
    expect(in_force("source", rails_env: "test", ETCDDISCOVERY_ENDPOINTS: "http://a:1")).to eq ["memory"]
    expect(in_force("source")).to eq [nil]
    write(file, "test: {watch: /a/, source: }")
    expect(in_force("source", rails_env: "test")).to eq [nil]
    write("config/keys.yml", "/a/x: from a file")
    write(file, "test: {watch: /a/, source: config/keys.yml}")
    expect(found("[EtcdDiscovery['/a/x'], EtcdDiscovery.client.config.source]", rails_env: "test"))
      .to eq ["from a file", "#{root}/config/keys.yml"]
  end

  it "of a separate client does not come from Rails' files, which are for the default client" do
    write(file, "shared: {watch: /yml/, max_staleness: 1}")
    expect(found("EtcdDiscovery::Client.new(watch: '/mine/').config.max_staleness")).to eq 10.0
  end

  it "is Rails.logger for the logger, unless another one or none is given" do
    write(file, "shared: {watch: /yml/}")
    expect(in_force("logger.name")).to eq ["EtcdDiscovery::Railtie::CurrentLogger"]
    expect(in_force("logger", settings: "config.etcd_discovery.logger = nil")).to eq [nil]
  end

  it "that is not given leaves the gem inactive: nothing is watched, and the application boots" do
    expect(found("EtcdDiscovery.configured?")).to be false
  end

  it "that does not exist is refused at boot, with the file, the section, and the list of settings" do
    write(file, "production: {watch: /a/, endpoint: x}")
    expect(refused).to match(%r{\Aconfig/etcd_discovery.yml \(production\): endpoint: no such setting; there})
    write(file, "production: {watch: /a/}")
    expect(refused("config.etcd_discovery.watches = '/a/'"))
      .to match(/\Aconfig.etcd_discovery: watches: no such setting; there are endpoints/)
  end

  it "of a wrong type is refused with what is accepted, and without a secret" do
    write(file, "production: {watch: /a/, boot_timeout: soon}")
    expect(refused).to eq 'config/etcd_discovery.yml (production): boot_timeout: "soon" is not a number of ' \
                          "seconds above 0"
    write(file, "shared: {watch: /a/, password: 31415926}")
    expect(refused).to eq "config/etcd_discovery.yml (shared): password: (Integer) is not a String"
    write(file, "shared: {watch: {a: 1}}")
    expect(refused).to match(/\(shared\): watch: {"a"=>1} is not a list of Strings/)
  end

  it "in a file with broken ERB or broken YAML is refused, naming the file and the reason" do
    write(file, "production: {watch: <%= nothing.at_all %>}")
    expect(refused).to match(%r{\Aconfig/etcd_discovery.yml: .* valid YAML with ERB: NameError: .*nothing})
    write(file, "production: {watch: <%= if %>}")
    expect(refused).to match(/valid YAML with ERB: SyntaxError/)
    write(file, "production:\n  watch: [/a/\n  user: app")
    expect(refused).to match(/valid YAML with ERB: Psych::SyntaxError: .*line 2/)
    write(file, "production:\n  watch: /a/\n  password: *hunter2")
    expect(refused).to match(/an alias without its anchor/).and(satisfy { |text| !text.include?("hunter2") })
  end

  it "in a file or a section that is not a mapping is refused" do
    write(file, "- watch")
    expect(refused).to eq "config/etcd_discovery.yml: of class Array, not a mapping"
    write(file, "production: http://a:1")
    expect(refused).to eq "config/etcd_discovery.yml (production): of class String, not a mapping"
  end

  it "in a file without the environment is refused, with the environments that exist" do
    write(file, "development: {watch: /a/}\ntest:")
    expect(refused).to match(/no section for the environment production, only for development, test; add/)
    write(file, "# nothing yet")
    expect(found("1")).to eq 1
  end

  it "in a misspelled section is logged, with the environments, even if `shared` is there" do
    write("config/environments/staging.rb", "")
    write(file, <<~YAML)
      template: &template {max_staleness: 3}
      shared: {<<: *template, watch: /a/}
      staging: {max_staleness: 5}
      prodution: {max_staleness: 7}
    YAML
    log = File.join(root, "log.txt")
    expect(in_force("max_staleness", settings: "config.logger = Logger.new(#{log.inspect})")).to eq [3.0]
    warning = "config/etcd_discovery.yml: prodution: no such environment, so its settings are ignored; " \
              "the environments are development, production, staging, test, and `shared`"
    expect(File.read(log).scan(warning).size).to eq 1
  end

  it "that is wrong in an environment variable is refused at boot, with the variable" do
    write(file, "production: {watch: /a/}")
    expect(refused(ETCDDISCOVERY_BOOT_TIMEOUT: "soon"))
      .to eq "ETCDDISCOVERY_BOOT_TIMEOUT: \"soon\" is not a number of seconds above 0"
  end

  it "`logger` is by default whatever Rails.logger is when a line is written" do
    lines = found(<<~'RUBY', 'config.etcd_discovery.source = "memory"')
      Rails.logger = Logger.new(later = StringIO.new)
      EtcdDiscovery.client.config.logger.warn("a line")
      later.string
    RUBY
    expect(lines).to include "a line"
  end

  describe "pin_executor" do
    # Each in a separate thread, because nested runs count as one.
    reads = <<~'RUBY'
      EtcdDiscovery.put("/a", "1")
      twice = lambda do |number|
        before = EtcdDiscovery["/a"]
        Thread.new { EtcdDiscovery.put("/a", number) && EtcdDiscovery["/a"] }.value
        [before, EtcdDiscovery["/a"]]
      end
      [Thread.new { Rails.application.executor.wrap { twice.call("2") } }.value, EtcdDiscovery["/a"]]
    RUBY

    it "shows one revision to each run of Rails' executor" do
      settings = 'config.etcd_discovery.source = "memory"; config.etcd_discovery.pin_executor = true'
      expect(found(reads, settings)).to eq [%w[1 1], "2"]
    end

    it "is off by default" do
      expect(found(reads, 'config.etcd_discovery.source = "memory"')).to eq [%w[1 2], "2"]
    end
  end
end
