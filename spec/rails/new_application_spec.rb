# frozen_string_literal: true

require "socket"

# The steps of a Rails team: `rails new`, the gem into the Gemfile, `rails g etcd_discovery:install`.
RSpec.describe "a new Rails application", gems: %w[nokogiri] do
  readme = File.read(File.expand_path("../../README.md", __dir__), encoding: "UTF-8")

  before(:context) do
    @etcd = start_etcd
    @application = Harness::RailsApplication.new(gems: %w[unicorn spring])
    @application.write("config/unicorn.rb", <<~RUBY)
      worker_processes 2
      preload_app true

      after_fork do |_server, worker|
        $worker = worker.nr
      end
    RUBY
    @application.rails("generate", "etcd_discovery:install")
    # The application's own part: a route that shows the value, as in the README, and a task that loads
    # everything.
    @application.write("config/routes.rb", <<~RUBY)
      Rails.application.routes.draw do
        #{readme[%r{^(get "/greeting".*)$}, 1]}
        get "/state", to: ->(_env) { [200, {}, [Greeting.state]] }
      end
    RUBY
    @application.write("test/greeting_test.rb", <<~'RUBY')
      require "test_helper"

      class GreetingTest < ActionDispatch::IntegrationTest
        test "greets" do
          EtcdDiscovery.put("/config/greeting", "from the test")
          get "/greeting"
          assert_equal "from the test\n", response.body
        end
      end
    RUBY
    @application.write("lib/tasks/assets.rake", "task('assets:precompile' => :environment) { puts 'done' }")
  end

  let(:application) { @application }
  let(:etcd) { @etcd }
  let(:here) { { ETCDDISCOVERY_ENDPOINTS: etcd.endpoint } }
  let(:puma) { %w[bin/rails server -b 127.0.0.1 -p PORT] }
  let(:unicorn) { %w[bundle exec unicorn -c config/unicorn.rb -l 127.0.0.1:PORT] }

  before do
    etcd.ctl.put("/config/greeting", "hello")
    application.write("app/models/greeting.rb", <<~'RUBY')
      module Greeting
        def self.state = EtcdDiscovery.ready? ? "#{$worker} #{EtcdDiscovery['/config/greeting']}" : "no data"
      end
    RUBY
  end

  def expect_to_follow(server)
    expect_soon("the first value") { server.answer("/greeting") == "hello\n" }
    etcd.ctl.put("/config/greeting", "goodbye")
    expect_soon("the new value") { server.answer("/greeting") == "goodbye\n" }
  end

  it "has the yml, an initializer, and the hooks in its servers' files; a second run changes nothing" do
    before = application.files
    expect(before).to include("etcd_discovery.yml", "initializers/etcd_discovery.rb")
    expect(before["unicorn.rb"]).to include("|_server, worker|\n  EtcdDiscovery.after_fork\n  $worker")
    expect(before["puma.rb"]).to end_with("\nplugin :etcd_discovery\n")
    application.rails("generate", "etcd_discovery:install")
    expect(application.files).to eq before
  end

  context "with files that the generator does not understand" do
    let(:strange) { { "config.ru" => "run Rails.application\n", "config/puma/staging.rb" => "threads((\n" } }

    around do |example|
      kept = @application.read("config.ru")
      strange.each { |path, text| application.write(path, text) }
      example.run
      @application.write("config.ru", kept)
      @application.delete("config/puma/staging.rb")
    end

    it "leaves them unchanged, and prints what to add" do
      said = application.rails("generate", "etcd_discovery:install")
      expect(said).to match(/by hand +config.ru: Rails.application.load_server/)
        .and match(%r{by hand +config/puma/staging.rb: plugin :etcd_discovery})
      expect(strange.keys.to_h { |path| [path, application.read(path)] }).to eq strange
    end
  end

  it "reads a live value on puma" do
    expect_to_follow(application.serve(*puma, **here))
  end

  it "reads a live value in both workers of unicorn" do
    server = application.serve(*unicorn, **here)
    expect_to_follow(server)
    expect_soon("both workers") { Array.new(20) { server.answer }.uniq.sort == ["0 goodbye", "1 goodbye"] }
  end

  it "runs its tests without etcd: they write the keys that they read" do
    nowhere = "http://127.0.0.1:#{Harness::FreePort.take}"
    said = application.rails("test", ETCDDISCOVERY_ENDPOINTS: nowhere)
    expect(said).to include("1 runs, 1 assertions, 0 failures, 0 errors")
  end

  it "reads a value in `rails runner`, which connects by itself" do
    expect(application.rails("runner", "puts EtcdDiscovery['/config/greeting']", **here)).to include("hello")
  end

  it "runs tasks and commands without a connection, in development and in production" do
    TCPServer.open("127.0.0.1", 0) do |silent|
      away = { ETCDDISCOVERY_ENDPOINTS: "http://127.0.0.1:#{silent.addr[1]}", ETCDDISCOVERY_REQUIRED: "true" }
      production = { RAILS_ENV: "production", SECRET_KEY_BASE: "0" * 64 }
      expect(application.rails("assets:precompile", **away, **production)).to include("done")
      expect(application.rails("zeitwerk:check", **away, **production)).to include("All is good!")
      expect(application.rails("generate", "--help", **away)).to include("etcd_discovery:install")
      expect(application.rails("runner", "puts EtcdDiscovery.status.state", **away)).to include("stopped")
      expect(silent.accept_nonblock(exception: false)).to eq :wait_readable
    end
  end

  it "reloads its code without a second connection" do
    server = application.serve(*puma, **here)
    expect_to_follow(server)
    before = Harness::ProcessTable.connections(server.pid, etcd.port)
    application.write("app/models/greeting.rb", 'module Greeting; def self.state = "reloaded"; end')
    expect_soon("the code that was written") { server.answer == "reloaded" }
    expect(Harness::ProcessTable.connections(server.pid, etcd.port)).to match_array before
  end

  # Spring 2, which Debian packages, does not support Rails 7.
  rails, spring = %w[railties spring].map { |name| Gem::Specification.find_by_name(name).version.segments[0] }

  context "with Spring", if: rails < 7 || spring > 2 do
    after { spring("stop") }

    def spring(*command) = application.run("bundle", "exec", "spring", *command, **here)

    def read = spring("rails", "runner", "puts EtcdDiscovery['/config/greeting']")

    it "reads a live value in each command, and keeps no connection between them" do
      expect(read).to include("hello")
      etcd.ctl.put("/config/greeting", "goodbye")
      expect(read).to include("goodbye")
      preloaded = spring("status").scan(/^ *(\d+) /).flatten.map(&:to_i)
      expect(preloaded.size).to eq 2
      expect(preloaded.flat_map { |pid| Harness::ProcessTable.connections(pid, etcd.port) }).to be_empty
    end
  end

  context "while etcd is away" do
    let(:here) { super().merge(ETCDDISCOVERY_BOOT_TIMEOUT: "0.2") }

    before { etcd.kill9 }

    after { etcd.start unless etcd.alive? }

    it "boots, logs that it has no data, and has the value once etcd is back" do
      server = application.serve(*puma, **here)
      expect(server.answer).to eq "no data"
      expect(application.read("log/development.log")).to include("the server boots without data from etcd")
      etcd.start
      expect_to_follow(server)
    end

    it "does not boot if the data is required, and says why" do
      # If it boots after all, it must not serve forever.
      output, status = application.try(*%w[timeout 60 bundle exec puma -b tcp://127.0.0.1:0], **here,
                                       ETCDDISCOVERY_REQUIRED: "true")
      expect(status.exitstatus).to eq 1
      expect(output).to match(/no first snapshot within 0.2 s from #{etcd.endpoint}.* not boot without one/)
    end
  end
end
