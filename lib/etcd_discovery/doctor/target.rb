# frozen_string_literal: true

require "uri"

module EtcdDiscovery
  class Doctor
    # One endpoint, and what the checks have found out about it so far.
    #
    # @api private
    class Target
      # @return [String] as in the settings
      attr_reader :endpoint
      # @return [Array<String>] addresses that the name leads to; after the check of TCP those that it reached
      attr_accessor :addresses

      def initialize(endpoint)
        @endpoint = endpoint
        @uri = URI.parse(endpoint.include?("://") ? endpoint : "http://#{endpoint}")
        @addresses = []
        @alive = true
      end

      def unix? = @uri.scheme == "unix"

      def tls? = @uri.scheme == "https"

      def host = @uri.hostname

      def port = @endpoint.match?(/:\d+\z/) ? @uri.port : 2379

      def path = @uri.path

      # @return [Boolean] whether no check has failed for it
      def alive? = @alive

      def fail! = @alive = false

      # @return [Socket] a connection to the first address that was reached
      def connect(timeout)
        return Socket.unix(path) if unix?

        Socket.tcp(addresses.first, port, connect_timeout: timeout)
      end
    end
  end
end
