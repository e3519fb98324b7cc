# frozen_string_literal: true

require "json"
require_relative "../../spec/support/gateway"
require_relative "content"

module Torture
  # The settings that the programs get through their environment.
  module Settings
    # The ranges that each user's role may read. `wide` may read everything, like root. The others are
    # ordinary users, whose roles cover only what they watch, so that etcd refuses one watch over everything.
    # The permissions of `tenant` overlap.
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

    # The members' own ports, without proxies.
    def ports = ENV.fetch("TORTURE_PORTS").split(",").map { |port| Integer(port) }

    # The endpoints of the proxies.
    def endpoints = ENV.fetch("TORTURE_ENDPOINTS").split(",")

    # The folder where the readers meet, if those with the same settings share one copy; nil otherwise.
    def host_copy = ENV.fetch("TORTURE_HOST_COPY", nil)

    # A prefix in the form that the gateway expects.
    def range(prefix)
      gateway = Harness::Gateway
      { key: gateway.encode(prefix), range_end: gateway.encode(gateway.prefix_end(prefix)) }
    end

    def gateway(user, ports: self.ports, **options)
      Harness::Gateway.new(ports, user:, password: PASSWORDS.fetch(user), **options)
    end
  end
end
