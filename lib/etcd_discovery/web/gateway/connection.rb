# frozen_string_literal: true

require_relative "../../support/json_gateway"

module EtcdDiscovery
  class Web
    class Gateway
      # Requests in the JSON that each member of etcd speaks beside gRPC, with the client's own settings.
      #
      # @api private
      class Connection
        # Seconds for an answer, and for which the token of a login is kept: a login costs etcd a lot.
        LIMIT = 1.0
        TOKEN_KEPT = 60.0
        private_constant :LIMIT, :TOKEN_KEPT

        # @param config [Configuration]
        def initialize(config)
          @config = config
          @lock = Mutex.new
        end

        # @return [Hash] empty for what is refused
        def get(endpoint, path) = parsed(gateway(endpoint).get(path))

        # @return [Hash] empty for what is refused
        def post(endpoint, path, body)
          answer = gateway(endpoint).post(path, body, token: (token(endpoint) if user))
          # etcd has forgotten the token, for example because authentication was off for a moment.
          @lock.synchronize { @token = nil } if answer.is_a?(Net::HTTPUnauthorized)
          parsed(answer)
        end

        private

        def user = @config.to_native[:user]

        def token(endpoint)
          time, token = @lock.synchronize { @token }
          return token if time && Clock.now - time < TOKEN_KEPT

          login = { name: user, password: @config.to_native[:password].to_s }
          token = parsed(gateway(endpoint).post(JsonGateway::LOGIN, login))["token"]
          @lock.synchronize { @token = [Clock.now, token] } if token
          token
        end

        def parsed(answer) = answer.is_a?(Net::HTTPOK) ? JSON.parse(answer.body) : {}

        def gateway(endpoint)
          uri = URI.parse(endpoint)
          address = Addrinfo.tcp(uri.hostname, 0).ip_address if @config.server_name
          JsonGateway.new(@config, @config.server_name || uri.hostname, uri.port,
                          address:, tls: uri.scheme == "https", timeout: LIMIT)
        end
      end
    end
  end
end
