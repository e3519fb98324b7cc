# frozen_string_literal: true

# EtcdDiscovery::Health behind Rack's own judge of applications, and the pid at the root.

require "json"
require "rack"
require "etcd_discovery"

EtcdDiscovery.configure do |config|
  config.endpoints = ENV.fetch("ETCD_ENDPOINTS").split(",")
  config.watch "/service/"
end
EtcdDiscovery.start

use Rack::Lint
map("/etcd") { run EtcdDiscovery::Health.new }
run ->(_env) { [200, { "content-type" => "application/json" }, [JSON.generate(pid: Process.pid)]] }
