# frozen_string_literal: true

RSpec.describe "the README" do
  readme = File.read(File.expand_path("../../README.md", __dir__))
  table = readme[/^## Settings$.*?(?=^## )/m]

  EtcdDiscovery::Configuration::SETTINGS.each do |setting|
    it "tells of #{setting.name} and of the environment variables that set it" do
      expect(table).to include("`#{setting.name}`")
      expect(setting.variables.reject { |variable| table.include?("`#{variable}`") }).to be_empty
    end
  end

  it "tells of no environment variable that is not read" do
    read = EtcdDiscovery::Configuration::SETTINGS.flat_map(&:variables)
    expect(table.scan(/`(ETCD\w+)`/).flatten - read).to be_empty
  end
end
