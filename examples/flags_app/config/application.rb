# frozen_string_literal: true

require_relative "boot"

require "logger" # Rails 6.1 relies on a dependency to load it, which newer ones no longer do
require "rails"
require "action_controller/railtie"

Bundler.require(*Rails.groups)

module FlagsApp
  # A Rails application of the smallest real kind.
  class Application < Rails::Application
    config.load_defaults Rails::VERSION::STRING.to_f

    config.api_only = true
    config.eager_load = true
    config.consider_all_requests_local = false
    config.secret_key_base = ENV.fetch("SECRET_KEY_BASE") { SecureRandom.hex(64) }
    config.hosts.clear # it listens on the loopback interface only

    config.logger = ActiveSupport::Logger.new($stderr)
    config.log_level = ENV.fetch("LOG_LEVEL", "warn").to_sym
  end
end
