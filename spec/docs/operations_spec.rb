# frozen_string_literal: true

require "yaml"

RSpec.describe "docs/operations.md" do
  root = File.expand_path("../..", __dir__)
  text = File.read(File.join(root, "docs/operations.md"))
  rows = text.scan(/^\| `(\w+)` \|/).flatten

  EtcdDiscovery::EventType::ALL.each do |type|
    it "says what to do about #{type.name}" do
      expect(rows).to include(type.name.to_s)
    end
  end

  it "describes each alert, and no other" do
    alerts = YAML.load_file(File.join(root, "examples/prometheus/rules.yml"))["groups"].flat_map do |group|
      group["rules"].map { |rule| rule["alert"] }
    end
    expect(rows.grep(/\AEtcdDiscovery/)).to eq alerts
  end

  it "names only metrics that exist, also in the alerting rules" do
    there = EtcdDiscovery::Metrics.text({}).scan(/^# TYPE (\w+)/).flatten
    rules = File.read(File.join(root, "examples/prometheus/rules.yml"))
    expect((text + rules).scan(/\betcd_discovery_[a-z_]+/) - there).to be_empty
    abbreviated = text.scan(/`(_\w+)`/).flatten.map { |name| "etcd_discovery#{name}" }
    expect(there - text.scan(/etcd_discovery_\w+/) - abbreviated).to be_empty
  end
end
