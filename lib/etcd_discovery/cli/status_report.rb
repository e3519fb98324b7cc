# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # Checks whether etcd can be reached from here.
    #
    # It uses the keys that the application watches, because the user may be allowed to read no others.
    #
    # @api private
    class StatusReport
      # Any user may ask for this key. etcd returns it or refuses this user; both prove that etcd answers and
      # that the login is right.
      PROBE = "\0"
      # States that the client does not leave by itself.
      SETTLED = %i[watching offline].freeze
      private_constant :PROBE, :SETTLED

      # @return [Error, nil] what is wrong
      attr_reader :problem

      # @param watched [Array<String>] keys and prefixes; when empty, those of the environment
      def initialize(watched, settings)
        @client = Client.new(**settings, **(watched.empty? ? {} : { watch: watched }))
        @probing = @client.config.watch.empty?
        @client = Client.new(**settings, watch: [PROBE]) if @probing
      end

      def run
        @client.start
        settle
        self
      rescue PermissionError, AuthenticationError, ConnectionError => e
        @reachable = @probing && e.is_a?(PermissionError)
        @problem = e unless @reachable
        self
      end

      def fields
        status = @client.status
        { state: @reachable ? :reachable : status.state, endpoint: status.endpoint, endpoints:,
          watched: (status.watched.join(" ") unless @probing), server_version: status.server_version,
          revision: status.revision, age: status.age,
          last_error: ((status.last_error || @problem)&.message unless @reachable),
          last_error_at: (status.last_error_at unless @reachable) }
      end

      # Without watched keys nothing can be fresh or stale.
      def healthy? = @reachable || (@problem.nil? && @client.healthy?)

      private

      def endpoints = @client.config.discovery_domain || @client.config.endpoints.join(" ")

      # The first snapshot arrives some milliseconds before the watch is open. Wait for the final state.
      def settle
        deadline = Client.now + @client.config.request_timeout
        sleep 0.005 until SETTLED.include?(@client.status.state) || Client.now > deadline
      end
    end
  end
end
