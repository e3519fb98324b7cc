# frozen_string_literal: true

require "json"
require_relative "../../spec/support/gateway"
require_relative "content"

module Torture
  # What the programs must know of the run, by their environment.
  module Settings
    # The ranges that each user's role may read. `wide` may read all, as root does. The others are ordinary
    # users: their role has only what they watch, so one watch over everything is refused. The permissions of
    # `tenant` overlap.
    ROLES = {
      "wide" => [Content::ALL],
      "narrow" => Content::RANGES,
      "tenant" => [*Content::RANGES, "/t/a/#{Content::MANY}", "/t/e/#{Content::FEW}"]
    }.freeze
    ORDINARY = (ROLES.keys - ["wide"]).freeze

    PASSWORDS = ["root", *ROLES.keys].to_h { |name| [name, "#{name}-secret"] }.freeze

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
