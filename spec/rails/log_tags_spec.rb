# frozen_string_literal: true

RSpec.describe "in Rails, the log of a request", gems: %w[nokogiri] do
  # As in the guide.
  let(:settings) do
    Harness::Samples.of("docs/rails.md").map(&:code).find { |code| code.include?("config.lograge") }
  end

  it "shows the revision as a tag and in the payload of lograge" do
    etcd = start_etcd
    etcd.ctl.put("/a/x", "1")
    process = ruby_process(<<~RUBY, etcd, env: { "RAILS_ENV" => "production" })
      require "logger"
      require "rails"
      require "action_controller/railtie"
      require "lograge"
      require "etcd_discovery/railtie"
      LINES = StringIO.new
      class Application < Rails::Application
        config.load_defaults 6.1
        config.eager_load = false
        config.secret_key_base = "0" * 64
        config.logger = ActiveSupport::TaggedLogging.new(Logger.new(LINES))
        config.etcd_discovery.endpoints = endpoints
        config.etcd_discovery.watch = %w[/a/]
        #{settings}
      end
      Application.initialize!
      class PagesController < ActionController::Base
        def show = render(plain: EtcdDiscovery["/a/x"])
      end
      Application.routes.draw { get "/", to: "pages#show" }
      EtcdDiscovery.start
      page = Rack::MockRequest.new(Application).get("http://localhost/")
      report [page.status, page.body, EtcdDiscovery.status.revision]
      report LINES.string.lines.grep(/status=200/)
    RUBY
    status, body, revision = process.heard
    expect([status, body]).to eq [200, "1"]
    expect(process.heard).to contain_exactly(match(/\[etcd:#{revision}\].* etcd_revision=#{revision}$/))
  end
end
