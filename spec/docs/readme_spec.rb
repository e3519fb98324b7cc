# frozen_string_literal: true

RSpec.describe "the README" do
  text = File.read(File.expand_path("../../README.md", __dir__), encoding: "UTF-8")
  table = text[/^## Settings$.*?(?=^## )/m]
  settings = EtcdDiscovery::Configuration::SETTINGS

  it "names no setting and no environment variable that is not read" do
    received = table.scan(/^\| (.*?) \|/).flatten.flat_map { |cell| cell.scan(/`(\w+)`/) }.flatten
    expect(received).not_to be_empty
    expect(received - settings.map { |setting| setting.name.to_s }).to be_empty
    expect(table.scan(/`(ETCD\w+)`/).flatten - settings.flat_map(&:variables)).to be_empty
  end
end
