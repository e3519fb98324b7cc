# frozen_string_literal: true

RSpec.describe "the command line with the settings of a Rails application", gems: %w[railties] do
  before(:context) do
    @etcd = start_etcd
    @application = Harness::RailsApplication.new
    @application.write("config/initializers/etcd_discovery.rb", <<~RUBY)
      EtcdDiscovery.configure do |config|
        config.endpoints = [#{@etcd.endpoint.inspect}]
        config.watch "/shop/"
        config.change_log = "/shop/changes/"
        config.fleet = "/fleet/"
      end
    RUBY
    @application.write("app/settings/checkout_settings.rb", <<~RUBY)
      class CheckoutSettings < EtcdDiscovery::Settings
        prefix "/shop/checkout/"
        field :limit, type: :integer, default: 1, in: 1..10
      end
    RUBY
  end

  def run_cli(*words, **options)
    command = File.join(Harness::RailsApplication::GEM, "exe/etcd_discovery")
    output, status = @application.try("bundle", "exec", command, "--rails", *words, **options)
    [output, status.exitstatus]
  end

  it "takes its endpoints and its change log, and refuses what its declared settings do not take" do
    expect(run_cli("put", "/shop/checkout/limit", "7", "--by", "ann")).to match [/revision +2/, 0]
    expect(@etcd.ctl.read_prefix("/shop/changes/").values.first).to include('"by":"ann"')
    expect(run_cli("put", "/shop/checkout/limit", "11"))
      .to match [/CheckoutSettings.limit is not in 1..10; nothing was written/, 2]
    expect(run_cli("put", "/shop/checkout/limit", "many")).to match [/is no integer/, 2]
    expect(@etcd.ctl.get("/shop/checkout/limit")).to eq "7"
  end

  it "is no member of its fleet, and says where there is no application" do
    expect(run_cli("fleet")).to match [/no process is a member/, 3]
    folder = File.join(@application.folder, "config")
    expect(run_cli("get", "/a", chdir: folder)).to match [%r{there is no .*/config/config/environment.rb}, 2]
  end
end
