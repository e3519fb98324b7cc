# frozen_string_literal: true

EtcdDiscovery.configure do |config|
  config.endpoints = ENV.fetch("ETCD_ENDPOINTS", "http://127.0.0.1:2379").split(",")
  config.watch "/service/", "/config/"
end

# Connected before the master forks: every worker then answers from the inherited copy at once,
# even if etcd is away at the moment of the fork.
EtcdDiscovery.start
