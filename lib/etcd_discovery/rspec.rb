# frozen_string_literal: true

require "rspec/core"
require_relative "../etcd_discovery"
require_relative "testing/examples"

# For RSpec: `it "…", etcd: { "/flags/checkout" => "on" }` on examples and groups, and `stub_etcd` and
# `set_etcd` in examples and hooks. Everything that an example, a group or one of their hooks did is undone at
# its end.
RSpec.configure do |config|
  groups = []

  config.include EtcdDiscovery::Testing::Helpers
  config.before(:context) { groups.push(EtcdDiscovery::Testing.open) }
  config.after(:context) { groups.pop&.close }
  config.around { |example| EtcdDiscovery::Testing::Examples.run(example) }
end
