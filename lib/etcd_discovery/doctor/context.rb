# frozen_string_literal: true

module EtcdDiscovery
  class Doctor
    # What the checks share: the settings, the endpoints, and the time that is left.
    #
    # @api private
    class Context
      # Seconds that one answer may take.
      PATIENCE = 3.0

      FOR_A_CONNECTION = %i[ca_file cert_file key_file server_name connect_timeout].freeze
      private_constant :FOR_A_CONNECTION

      attr_reader :config, :registered, :folder
      # @return [Array<Target>]
      attr_accessor :targets
      # @return [Boolean] whether a file of the settings cannot be used: the client would not connect
      attr_accessor :broken_files
      # @return [Boolean] whether etcd refuses the user
      attr_accessor :refused
      # @return [Boolean] whether nothing else can be looked at
      attr_accessor :hopeless

      def initialize(config, registered:, folder:, limit:)
        @config = config
        @registered = registered
        @folder = folder
        @deadline = now + limit
        @targets = []
        @clients = []
      end

      # @return [Float] seconds
      def left = [@deadline - now, 0].max

      # @return [Float] seconds for one answer
      def patience = [PATIENCE, left].min

      # @return [Array<Target>] those for which no check has failed
      def alive = targets.select(&:alive?)

      # Calls the block for each at the same time: a dead endpoint must not use up the time of the others.
      def each_at_once(list)
        list.map { |one| Thread.new { yield(one) } }.map(&:value)
      end

      # @return [Client] that asks this endpoint alone, and watches nothing
      def client(target)
        settings = FOR_A_CONNECTION.to_h { |name| [name, config.get(name)] }
        settings.update(config.to_native.slice(:user, :password), endpoints: [target.endpoint],
                                                                  request_timeout: PATIENCE)
        Client.new(env: {}, **settings.compact).tap { |client| @clients << client }
      end

      def close
        @clients.each(&:stop)
      rescue Error
        nil
      end

      def now = Client.now

      # @return [Array(Object, Float)] what the block gives, and how many milliseconds it took
      def timed
        started = now
        [yield, ((now - started) * 1_000).round(1)]
      end
    end
  end
end
