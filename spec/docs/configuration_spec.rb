# frozen_string_literal: true

require_relative "../../rakelib/settings_table"

RSpec.describe "docs/configuration.md" do
  it "has every setting as the code defines it (otherwise run `rake docs:configuration`)" do
    document = SettingsTable.read
    expect(document).to eq SettingsTable.renewed(document)
    settings = EtcdDiscovery::Configuration::SETTINGS.map { |setting| setting.name.to_s }
    expect(document.scan(/^\| `(\w+)` \|/).flatten).to eq settings
  end
end
