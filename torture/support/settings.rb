# frozen_string_literal: true

require "json"
require_relative "../../spec/support/gateway"

module Torture
  # What the programs must know of the run, by their environment.
  module Settings
    # `narrow` may read each watched range and nothing between them: its watch over all at once is refused.
    PASSWORDS = { "root" => "root-secret", "narrow" => "narrow-secret", "wide" => "wide-secret" }.freeze

    module_function

    def environment(ports:, endpoints:)
      { "TORTURE_PORTS" => ports.join(","), "TORTURE_ENDPOINTS" => endpoints.join(",") }
    end

    # Past all proxies.
    def ports = ENV.fetch("TORTURE_PORTS").split(",").map { |port| Integer(port) }

    # Through the proxies.
    def endpoints = ENV.fetch("TORTURE_ENDPOINTS").split(",")

    # A range as the gateway takes it.
    def range(prefix)
      gateway = Harness::Gateway
      { key: gateway.encode(prefix), range_end: gateway.encode(gateway.prefix_end(prefix)) }
    end

    def gateway(user, ports: self.ports, **options)
      Harness::Gateway.new(ports, user:, password: PASSWORDS.fetch(user), **options)
    end
  end
end
