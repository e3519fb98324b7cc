# frozen_string_literal: true

# Forks children that read, follow etcd for a moment, and end.
require_relative "common"

turn = 0
follow do
  turn += 1
  next unless (turn % 20).zero?

  in_child do
    KEYS.each { |key| EtcdDiscovery[key] }
    await_next
  end
end
