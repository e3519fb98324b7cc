# frozen_string_literal: true

require "etcd_discovery"
require "json"
require "rack"
require_relative "../../servers/application/window"

# An application that mounts the page, as one in production does. Each process can be asked by its Window.

EtcdDiscovery.configure do |config|
  config.endpoints = ENV.fetch("ETCD_ENDPOINTS").split(",")
  config.watch "/shop/", "/service/"
  config.layers = %w[/shop/overrides/ /shop/]
  config.change_log = "/shop/changes/"
  config.fleet = "/shop/fleet/" if ENV["FLEET"]
end

# What the pages know of some keys.
class CheckoutSettings < EtcdDiscovery::Settings
  prefix "/shop/checkout/"
  field :limit, type: :integer, default: 100, in: 1..10_000, description: "Orders per minute and worker"
  field :fast_lane, type: :boolean, default: false, description: "Lets returning customers skip the queue"
  field :timeout, type: :duration, default: 2.0, description: "How long to wait for the payment provider"
  field :currency, type: :string, default: "EUR", in: %w[EUR USD CNY]
  field :tiers, type: :json, default: {}.freeze, description: "Discount of each tier, in percent"
end

EtcdDiscovery.start
Window.open { JSON.generate(pid: Process.pid) }

authorize = ->(env) { env["HTTP_X_USER"] == "eve" ? nil : "ann" }

use Rack::Lint
map(ENV.fetch("MOUNT", "/ops/etcd")) do
  use Rack::Lint
  run EtcdDiscovery::Web.new(write: ENV["WRITE"] != "no", authorize:)
end
