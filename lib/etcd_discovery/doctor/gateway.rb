# frozen_string_literal: true

require "json"
require "net/http"
require "openssl"

module EtcdDiscovery
  class Doctor
    # etcd's JSON gateway at one endpoint: what it says of the cluster.
    #
    # @api private
    class Gateway
      NO_ANSWER = [SystemCallError, IOError, Timeout::Error, Net::ProtocolError, OpenSSL::OpenSSLError,
                   JSON::ParserError, ArgumentError].freeze
      private_constant :NO_ANSWER

      # @return [Time, nil] the server's clock at the last answer
      attr_reader :clock
      # @return [Float, nil] seconds that the last answer took
      attr_reader :took

      def initialize(target, config, patience)
        @target = target
        @config = config
        @patience = patience
      end

      # @return [String, nil] the version of etcd
      def version = get("/version")&.fetch("etcdserver", nil)

      # What etcd tells everyone, also a user who may not ask for the status.
      #
      # @return [String, nil] why the member is not healthy: "RAFT NO LEADER", "ALARM NOSPACE", …
      def sickness = get("/health", good: [Net::HTTPOK, Net::HTTPServiceUnavailable])&.fetch("reason", nil)

      # @return [Hash, nil] as {"leader"=>"1", …}
      def status = post("/v3/maintenance/status", {})

      # @return [Array<Hash>, nil]
      def alarms = post("/v3/maintenance/alarm", { action: "GET" })&.fetch("alarms", [])

      # @return [Array<Hash>, nil]
      def members = post("/v3/cluster/member/list", {})&.fetch("members", [])

      # @return [void]
      def log_in
        user, password = @config.to_native.values_at(:user, :password)
        return unless user && password

        @token = post("/v3/auth/authenticate", { name: user, password: })&.fetch("token", nil)
      end

      private

      def get(path, **how) = answer(Net::HTTP::Get.new(path), **how)

      def post(path, body)
        request = Net::HTTP::Post.new(path, "Content-Type" => "application/json")
        request["Authorization"] = @token if @token
        request.body = JSON.generate(body)
        answer(request)
      end

      # @return [Hash, nil] `nil` without a good answer
      def answer(request, good: [Net::HTTPOK])
        started = Client.now
        response = http.request(request)
        @took = Client.now - started
        @clock = Time.httpdate(response["Date"]) if response["Date"]
        JSON.parse(response.body) if good.any? { |kind| response.is_a?(kind) }
      rescue *NO_ANSWER
        nil
      end

      # No proxy of the environment: the client itself uses none.
      def http
        Net::HTTP.new(@target.host, @target.port, nil).tap do |http|
          http.ipaddr = @target.addresses.first
          http.open_timeout = http.read_timeout = http.write_timeout = @patience
          http.max_retries = 0
          encrypt(http) if @target.tls?
        end
      end

      # The certificate has been checked before.
      def encrypt(http)
        http.use_ssl = true
        http.verify_mode = OpenSSL::SSL::VERIFY_NONE
        cert = @config.get(:cert_file)
        key = @config.get(:key_file)
        return unless cert && key

        http.cert = OpenSSL::X509::Certificate.new(File.read(cert))
        http.key = OpenSSL::PKey.read(File.read(key), "")
      end
    end
  end
end
