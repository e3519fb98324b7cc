# frozen_string_literal: true

require "rack"

EtcdDiscovery.configure { |config| config.watch "/shop/" }
