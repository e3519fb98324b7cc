# frozen_string_literal: true

# Settings are in config/etcd_discovery.yml. What only Ruby can say stands here, and goes before that file and
# before the environment:
#
# EtcdDiscovery.configure do |config|
#   config.password = Rails.application.credentials.etcd_password
# end
