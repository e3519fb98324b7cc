# frozen_string_literal: true

RSpec.describe "mounting the page" do
  attr_reader :etcd

  before(:context) { @etcd = start_etcd }

  # What a fresh Ruby says, with a watching client and the page loaded.
  def tell(code, flags: [], **env)
    setup = 'require "etcd_discovery"; EtcdDiscovery.configure { |c| c.watch "/shop/" }'
    clean = { "RAILS_ENV" => nil, "RACK_ENV" => nil, "APP_ENV" => nil, "ETCDCTL_ENDPOINTS" => etcd.endpoint }
    output, = Open3.capture2e(clean.merge(env.transform_keys(&:to_s)), RbConfig.ruby, *flags, "-Ilib", "-e",
                              "#{setup}; begin; #{code}; rescue Exception => e; puts e.class, e.message; end")
    output
  end

  line = 'EtcdDiscovery::Web.configure(authorize: ->(env) { env["REMOTE_USER"] })'

  %w[RAILS_ENV RACK_ENV APP_ENV].each do |name|
    it "without authorize raises in production (by #{name}), naming the line to add" do
      expect(tell("EtcdDiscovery::Web.new",
                  name.to_sym => "production")).to include("ConfigurationError", "production", line)
    end
  end

  it "an environment of any other name, such as staging, counts as production" do
    expect(tell("EtcdDiscovery::Web.new",
                RACK_ENV: "staging")).to include("ConfigurationError", "staging", line)
  end

  it "a test or a development environment needs none" do
    %w[test development].each do |name|
      expect(tell("puts EtcdDiscovery::Web.new.inspect", RACK_ENV: name)).to include("read-only")
    end
  end

  it "the class itself raises when it is mounted or called, and not before" do
    code = "puts EtcdDiscovery::Web.name; EtcdDiscovery::Web.%s"
    expect(tell(format(code, "respond_to?(:call)"),
                RACK_ENV: "production")).to include("EtcdDiscovery::Web\n", line)
    expect(tell(format(code, 'call("REQUEST_METHOD" => "GET")'), RACK_ENV: "production")).to include(line)
  end

  it "the class can be mounted once it is configured" do
    code = <<~RUBY
      require "rack"
      EtcdDiscovery::Web.configure(authorize: ->(env) { env["REMOTE_USER"] })
      app = Rack::Builder.new { map("/etcd") { run EtcdDiscovery::Web } }.to_app
      puts [nil, "ann"].map { |user| Rack::MockRequest.new(app).get("/etcd/keys", { "REMOTE_USER" => user }.compact).status }.inspect
    RUBY
    expect(tell(code, RACK_ENV: "production")).to include("[403, 200]")
  end

  it "Rails' mount raises at the line in the routes, and takes the class once it is configured" do
    code = <<~RUBY
      require "action_controller/railtie"
      app = Class.new(Rails::Application) { config.eager_load = false; config.logger = Logger.new(nil); config.hosts.clear; config.secret_key_base = "x" * 64 }
      app.initialize!
      draw = -> { app.routes.draw { mount EtcdDiscovery::Web => "/etcd_discovery" } }
      begin; draw.call; rescue EtcdDiscovery::ConfigurationError => e; puts "refused: \#{e.message}"; end
      EtcdDiscovery::Web.configure(authorize: ->(_env) { "ann" })
      draw.call
      status, headers, body = app.call(Rack::MockRequest.env_for("http://localhost/etcd_discovery/keys"))
      text = +""; body.each { |part| text << part }
      puts status, text[/href="([^"]*keys)"/, 1]
    RUBY
    expect(tell(code, RAILS_ENV: "production")).to include("refused: ", line, "200\n/etcd_discovery/keys")
  end

  it "wrong options are refused at once" do
    { write: "yes", authorize: "ann", mask: ["password"], unmask: :none }.each do |name, value|
      expect do
        EtcdDiscovery::Web.new(name => value)
      end.to raise_error(EtcdDiscovery::ConfigurationError, /\A#{name}: /)
    end
  end

  it "without rack the error says what to add, and everything else works" do
    code = '$LOAD_PATH.reject! { |path| Dir.exist?(File.join(path, "rack")) }; ' \
           "puts EtcdDiscovery.start.ready?; EtcdDiscovery::Web"
    expect(tell(code, flags: %w[--disable-gems])).to include("true", "LoadError", 'add `gem "rack"`')
  end
end
