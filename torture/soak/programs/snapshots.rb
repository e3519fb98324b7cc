# frozen_string_literal: true

# Takes all keys at each revision, and asks how the client fares.
require_relative "common"

follow do
  EtcdDiscovery.snapshot.to_h
  EtcdDiscovery.status.to_h
end
