# frozen_string_literal: true

require_relative "../etcd_discovery"
require_relative "open_feature/provider"

module EtcdDiscovery
  # For the gem openfeature-sdk.
  module OpenFeature
  end
end
