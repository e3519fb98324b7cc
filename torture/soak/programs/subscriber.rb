# frozen_string_literal: true

# Subscribes to every change, and replaces its subscription again and again.

require_relative "common"

changes = 0
subscription = nil
follow do
  subscription&.cancel
  subscription = EtcdDiscovery.on_change("/s/") { changes += 1 }
end
