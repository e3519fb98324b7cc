# frozen_string_literal: true

# Is told of every change, and subscribes anew again and again.
require_relative "common"

changes = 0
subscription = nil
follow do
  subscription&.cancel
  subscription = EtcdDiscovery.on_change("/s/") { changes += 1 }
end
