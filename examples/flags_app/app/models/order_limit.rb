# frozen_string_literal: true

# How many orders one customer may have at once: updated when it changes, not looked up for each order.
class OrderLimit
  KEY = "/config/orders"
  DEFAULT = 1

  class << self
    attr_reader :current

    def follow
      @current = DEFAULT
      EtcdDiscovery.on_change(KEY, initial: true) do |change|
        @current = change.snapshot.json(KEY, {}).fetch("limit", DEFAULT)
      end
    end
  end
end
