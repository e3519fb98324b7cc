# frozen_string_literal: true

# Settings are in config/etcd_discovery.yml. Use this file for settings that only Ruby can express; they take
# precedence over that file and the environment:
#
# EtcdDiscovery.configure do |config|
#   config.password = Rails.application.credentials.etcd_password
# end
