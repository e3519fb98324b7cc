# frozen_string_literal: true

# Takes a snapshot of all keys and the status at each revision.
require_relative "common"

follow do
  EtcdDiscovery.snapshot.to_h
  EtcdDiscovery.status.to_h
end
