# frozen_string_literal: true

require_relative "metrics/family"

module EtcdDiscovery
  # The state of this process's clients, in Prometheus' text format (exposition format 0.0.4).
  #
  # Each process has its own numbers. With a forking server, the label `pid` distinguishes the workers.
  # docs/operations.md explains how to scrape them.
  #
  # @example
  #   puts EtcdDiscovery::Metrics.text
  #   # etcd_discovery_stale{client="default",pid="4711"} 0
  #   # …
  module Metrics
    # The content type of the text.
    CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

    states = %i[stopped connecting listing verifying opening watching backoff denied].freeze
    # The first matching class counts.
    error_kinds = { auth: AuthenticationError, permission: PermissionError, tls: TLSError,
                    network: ConnectionError, other: Error }.freeze
    registration_states = %i[registering registered lost].freeze

    # @api private
    FAMILIES = [
      Family.new("info", :gauge, "Always 1. The labels give versions and the connected member.") do |status|
        [[{ version: VERSION, endpoint: status.endpoint, server_version: status.server_version }, 1]]
      end,
      Family.new("state", :gauge, "1 for the client's current state, 0 for all others.") do |status|
        (states | [status.state]).map { |state| [{ state: }, status.state == state] }
      end,
      Family.new("ready", :gauge, "Whether there is a copy to read.") { |_status, client| client.ready? },
      Family.new("revision", :gauge, "The local copy's revision of etcd.", &:revision),
      Family.new("keys", :gauge, "Keys in the local copy.", &:size),
      Family.new("age_seconds", :gauge, "Time since etcd confirmed the local copy; +Inf: never.") do |status|
        status.age || Float::INFINITY
      end,
      Family.new("max_staleness_seconds", :gauge, "Age at which the copy becomes stale.") do |_status, client|
        client.config.max_staleness
      end,
      Family.new("stale", :gauge, "Whether the local copy is stale.", &:stale?),
      Family.new("reconnects_total", :counter, "Connections made after the first.", &:reconnects),
      Family.new("relists_total", :counter, "Full listings after the first.", &:relists),
      Family.new("resets_total", :counter, "How often etcd's history changed to a different one.", &:resets),
      Family.new("audits_total", :counter, "How often the copy was compared with etcd.", &:audits),
      Family.new("divergences_total", :counter, "How often an audit repaired a difference.", &:divergences),
      Family.new("error", :gauge,
                 "1 for the kind of error that prevents a connection, 0 for all others.") do |status|
        well = %i[watching idle offline stopped].include?(status.state)
        kind, = error_kinds.find { |_kind, type| status.last_error.is_a?(type) } unless well
        error_kinds.keys.map { |each| [{ kind: each }, each == kind] }
      end,
      Family.new("last_error_timestamp_seconds", :gauge, "Time of the last error; 0: never.") do |status|
        status.last_error_at&.to_f || 0
      end,
      Family.new("cache_error", :gauge, "Whether the disk copy cannot be read or written.") do |status|
        !status.cache_error.nil?
      end,
      Family.new("registrations", :gauge, "This process's registrations, by state.") do |status|
        found = status.registrations.map { |registration| registration[:state] }.tally
        registration_states.map { |state| [{ state: }, found.fetch(state, 0)] }
      end,
      Family.new("invalid_keys", :gauge, "Keys with a value that could not be read as its type.") do |status|
        status.invalid_keys.size
      end
    ].freeze

    # @param clients [Hash{String => Client}] the clients, by the name for the label `client`
    # @return [String] the text; send it as {CONTENT_TYPE}
    # @raise [ConfigurationError] without `clients`, when the default client is not configured
    def self.text(clients = { "default" => EtcdDiscovery.client })
      readings = clients.map { |name, client| [{ client: name, pid: Process.pid }, client.status, client] }
      FAMILIES.map { |family| family.text(readings) }.join
    end
  end
end
