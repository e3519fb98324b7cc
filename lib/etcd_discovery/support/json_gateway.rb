# frozen_string_literal: true

require "json"
require "net/http"
require "openssl"

module EtcdDiscovery
  # Requests in the JSON that a member of etcd speaks beside gRPC, with the client's own certificate. The
  # proxy of the environment is not used: the client itself uses none.
  #
  # @api private
  class JsonGateway
    # Where a user logs in.
    LOGIN = "/v3/auth/authenticate"

    # @param config [Configuration]
    # @param host [String] that the certificate names
    # @param address [String, nil] to connect to instead of what the host resolves to
    # @param tls [Boolean]
    # @param verify [Boolean] whether the certificate is checked
    # @param timeout [Numeric] seconds for each step
    def initialize(config, host, port, address:, tls:, timeout:, verify: true)
      @config = config
      @http = Net::HTTP.new(host, port, nil)
      @http.ipaddr = address if address
      @http.open_timeout = @http.read_timeout = @http.write_timeout = timeout
      @http.max_retries = 0
      encrypt(verify) if tls
    end

    # @return [Net::HTTPResponse]
    def get(path) = @http.request(Net::HTTP::Get.new(path))

    # @param token [String, nil] of a login
    # @return [Net::HTTPResponse]
    def post(path, body, token: nil)
      request = Net::HTTP::Post.new(path, "Content-Type" => "application/json")
      request["Authorization"] = token if token
      request.body = JSON.generate(body)
      @http.request(request)
    end

    private

    def encrypt(verify)
      @http.use_ssl = true
      verify ? @http.ca_file = @config.ca_file : @http.verify_mode = OpenSSL::SSL::VERIFY_NONE
      return unless @config.cert_file && @config.key_file

      @http.cert = OpenSSL::X509::Certificate.new(File.read(@config.cert_file))
      # Without a passphrase here, OpenSSL would ask for one on the terminal.
      @http.key = OpenSSL::PKey.read(File.read(@config.key_file), "")
    end
  end
end
