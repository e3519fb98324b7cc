# frozen_string_literal: true

require "json"
require "time"

module EtcdDiscovery
  # A small Rack application with `/health` and `/metrics`.
  #
  # `/health` answers 200 while the data is fresh and 503 while it is stale, with the status as JSON.
  # `/metrics` answers with {Metrics.text}. It does not need the rack gem, connects to nothing, and never
  # blocks.
  #
  # Think twice before a load balancer uses `/health`: when etcd is away, all workers become stale together,
  # and all of them can still serve from their copies. See docs/operations.md. The answers contain keys,
  # addresses and endpoints, never a value or a password.
  #
  # @example config/routes.rb
  #   mount EtcdDiscovery::Health.new => "/etcd"   # /etcd/health and /etcd/metrics
  # @example config.ru
  #   map("/etcd") { run EtcdDiscovery::Health.new(max_staleness: 60) }
  class Health
    ALLOWED = %w[GET HEAD].freeze
    UNUSED = "nothing is watched and nothing is registered: EtcdDiscovery.configure says what to watch"
    private_constant :ALLOWED, :UNUSED

    # @param client [Client, nil] the default client when not given
    # @param max_staleness [Numeric, nil] age in seconds at which `/health` starts to answer 503; the client's
    #   `max_staleness` when not given
    # @raise [ConfigurationError] for a threshold that is not a number of seconds above 0
    def initialize(client: nil, max_staleness: nil)
      unless max_staleness.nil? || (max_staleness.is_a?(Numeric) && max_staleness.positive?)
        raise ConfigurationError, "max_staleness: #{max_staleness.inspect} is not a number of seconds above 0"
      end

      @client = client
      @max_staleness = max_staleness
      freeze
    end

    # @param env [Hash] of Rack
    # @return [Array] status, headers and body of Rack
    def call(env)
      answer = route(env["REQUEST_METHOD"], env["PATH_INFO"])
      # The same answer without its body, but with its length.
      answer[2] = [] if env["REQUEST_METHOD"] == "HEAD"
      answer
    rescue Error => e
      respond(503, "application/json", JSON.generate(healthy: false, last_error: JsonSafe.of(e.message)))
    end

    private

    def route(method, path)
      unless ALLOWED.include?(method)
        return refuse(405, "only #{ALLOWED.join(' and ')}", "allow" => ALLOWED.join(", "))
      end

      case path
      when "/health" then health
      when "/metrics" then respond(200, Metrics::CONTENT_TYPE, Metrics.text("default" => client))
      else refuse(404, "only /health and /metrics")
      end
    end

    def client
      @client || EtcdDiscovery.client
    end

    def health
      status = client.status
      limit = @max_staleness || client.config.max_staleness
      healthy = status.healthy?(limit)
      body = { healthy:, ready: client.ready?, max_staleness: limit, **status.to_h }
      body[:last_error] ||= UNUSED if status.watched.empty? && status.registrations.empty?
      respond(healthy ? 200 : 503, "application/json", JSON.generate(JsonSafe.of(body)))
    end

    def refuse(code, what, headers = {})
      respond(code, "text/plain; charset=utf-8", "#{what}\n", headers)
    end

    # Lower case, because Rack 3 requires it and Rack 2 accepts it.
    def respond(code, type, body, headers = {})
      [code, { "content-type" => type, "cache-control" => "no-store",
               "content-length" => body.bytesize.to_s, **headers }, [body]]
    end
  end
end
