# frozen_string_literal: true

# Reads single keys as strings and as numbers, and reads inside `pin`.
require_relative "common"

follow do
  KEYS.sample(50).each { |key| EtcdDiscovery[key] || EtcdDiscovery.integer(key, 0) }
  EtcdDiscovery.pin { KEYS.sample(50).sum { |key| EtcdDiscovery.integer(key, 0) } }
end
