# frozen_string_literal: true

# Reads single keys, as what they are and as numbers, and pins.
require_relative "common"

follow do
  KEYS.sample(50).each { |key| EtcdDiscovery[key] || EtcdDiscovery.integer(key, 0) }
  EtcdDiscovery.pin { KEYS.sample(50).sum { |key| EtcdDiscovery.integer(key, 0) } }
end
