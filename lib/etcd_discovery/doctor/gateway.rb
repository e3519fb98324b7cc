# frozen_string_literal: true

require_relative "../support/json_gateway"

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

        @token = post(JsonGateway::LOGIN, { name: user, password: })&.fetch("token", nil)
      end

      private

      def get(path, **how) = answer(**how) { |gateway| gateway.get(path) }

      def post(path, body) = answer { |gateway| gateway.post(path, body, token: @token) }

      # @return [Hash, nil] `nil` without a good answer
      def answer(good: [Net::HTTPOK])
        started = Client.now
        response = yield json_gateway
        @took = Client.now - started
        @clock = Time.httpdate(response["Date"]) if response["Date"]
        JSON.parse(response.body) if good.any? { |kind| response.is_a?(kind) }
      rescue *NO_ANSWER
        nil
      end

      # The certificate has been checked before.
      def json_gateway
        JsonGateway.new(@config, @target.host, @target.port, address: @target.addresses.first,
                                                             tls: @target.tls?, verify: false,
                                                             timeout: @patience)
      end
    end
  end
end
