# frozen_string_literal: true

require "open3"
require "rbconfig"
require "tmpdir"

RSpec.describe "rails generate etcd_discovery:settings" do
  around { |example| Dir.mktmpdir("generator-") { |folder| (@folder = folder) && example.run } }

  def run_generator(*arguments)
    root = File.expand_path("../..", __dir__)
    code = <<~'RUBY'
      require "rails"
      require "rails/generators"
      require "etcd_discovery"
      require "generators/etcd_discovery/settings/settings_generator"
      EtcdDiscovery::Generators::SettingsGenerator.start(ARGV, destination_root: Dir.pwd)
      Dir["app/settings/**/*.rb"].each { |file| load File.expand_path(file) }
      EtcdDiscovery::Settings.all.each do |settings|
        fields = settings.fields.map { |field| [field.name, field.type].join(":") }
        puts [settings, settings.prefix, *fields].join(" ")
      end
    RUBY
    Open3.capture2e({}, RbConfig.ruby, "-I", File.join(root, "lib"), "-e", code, "--", *arguments,
                    chdir: @folder)
  end

  it "writes a class with a field of each type, which loads" do
    types = %w[string integer float boolean list duration json]
    out, status = run_generator("Checkout", *types.map { |type| "#{type}_one:#{type}" }, "plain")
    expect([out, status.success?])
      .to match [%r{^CheckoutSettings /config/checkout/ string_one:string .*json_one:json plain:string$},
                 true]
  end

  it "accepts a prefix, a namespace and a name that ends in Settings" do
    expect(run_generator("CheckoutSettings", "limit:integer", "--prefix", "/shop/c/").first)
      .to match(%r{^CheckoutSettings /shop/c/ limit:integer$})
  end

  it "refuses an invalid field" do
    ["limit:number", "Limit:integer", "a-b:string"].each do |field|
      out, = run_generator("Checkout", field)
      expect(out).to match(/#{field} is no valid field; write name:type, one of/)
    end
    expect(Dir.exist?(File.join(@folder, "app"))).to be false
  end
end
