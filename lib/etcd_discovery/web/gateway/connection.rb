# frozen_string_literal: true

require "json"
require "net/http"
require "openssl"

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
        def get(endpoint, path) = ask(endpoint, Net::HTTP::Get.new(path))

        # @return [Hash] empty for what is refused
        def post(endpoint, path, body)
          request = Net::HTTP::Post.new(path, "Content-Type" => "application/json")
          request.body = JSON.generate(body)
          request["Authorization"] = token(endpoint) if path != LOGIN && user
          ask(endpoint, request)
        end

        private

        LOGIN = "/v3/auth/authenticate"
        private_constant :LOGIN

        def user = @config.to_native[:user]

        def token(endpoint)
          time, token = @lock.synchronize { @token }
          return token if time && Clock.now - time < TOKEN_KEPT

          token = post(endpoint, LOGIN, name: user, password: @config.to_native[:password].to_s)["token"]
          @lock.synchronize { @token = [Clock.now, token] }
          token
        end

        def ask(endpoint, request)
          answer = http(URI.parse(endpoint)).start { |connection| connection.request(request) }
          answer.is_a?(Net::HTTPOK) ? JSON.parse(answer.body) : {}
        end

        # No proxy of the environment: etcd is asked as the client asks it.
        def http(uri)
          http = Net::HTTP.new(@config.server_name || uri.hostname, uri.port, nil)
          http.ipaddr = Addrinfo.tcp(uri.hostname, 0).ip_address if @config.server_name
          http.open_timeout = http.read_timeout = LIMIT
          secure(http) if uri.scheme == "https"
          http
        end

        def secure(http)
          http.use_ssl = true
          http.ca_file = @config.ca_file
          return unless @config.cert_file && @config.key_file

          http.cert = OpenSSL::X509::Certificate.new(File.read(@config.cert_file))
          http.key = OpenSSL::PKey.read(File.read(@config.key_file))
        end
      end
    end
  end
end
