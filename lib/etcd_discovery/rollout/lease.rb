# frozen_string_literal: true

require "json"
require "securerandom"
require "socket"
require "time"

module EtcdDiscovery
  class Rollout
    # The lease of a rollout has ended, and with it the overrides.
    #
    # @api private
    class LeaseLost < StandardError; end

    # The lease that holds the overrides of a rollout. The native thread keeps it alive while this process
    # lives. It belongs to a key that says who rolls out what.
    #
    # @api private
    class Lease
      # @return [Integer]
      attr_reader :id

      # A day: no one waits for longer.
      LONGEST = 86_400
      private_constant :LONGEST

      # @return [Integer] the same
      # @raise [ArgumentError]
      def self.check(ttl)
        return ttl if ttl.is_a?(Integer) && ttl.between?(1, LONGEST)

        raise ArgumentError, "ttl: #{ttl.inspect} is not a whole number of seconds from 1 to #{LONGEST}"
      end

      # @param ttl [Integer] seconds
      # @raise [RegistrationError]
      def initialize(client, prefix, ttl, name:, by:)
        @client = client
        key = "#{prefix}rollouts/#{SecureRandom.hex(6)}"
        # In one set with those of services, so that the end of the process ends it too.
        @registrations = RegistrationSet.new
        @registration = begin_with(key, ttl, name, by)
        @registrations << @registration
        @registration.wait(timeout: client.config.request_timeout)
        @id = @registration.lease
      rescue Exception # rubocop:disable Lint/RescueException -- an interrupt must not leave it either
        release
        raise
      end

      # @raise [LeaseLost] when it has ended; another one in its place holds no overrides
      def hold!
        return if @registration.state == :registered && @registration.lease == @id

        raise LeaseLost, "the lease has ended#{": #{error.message}" if error}"
      end

      # Ends it.
      #
      # @return [Boolean] whether etcd knows; if not, it ends by itself
      def release
        return true if @registration.nil?

        @released = @registration.deregister(timeout: @client.config.request_timeout).tap do
          @registrations.delete(@registration)
        end
      end

      # @return [String] for the text of an error
      def when_reverted = ", at the latest #{@registration.ttl} s after the last heartbeat"

      private

      def error = @registration.last_error

      def begin_with(key, ttl, name, by)
        said = { name:, by: by || ChangeLog::Entry.author, host: Socket.gethostname, pid: Process.pid,
                 at: Time.now }
        json = JSON.generate(JsonSafe.of(said))
        instance = Instance.new(service: key, address: "rollout of #{name}")
        registration = @client.native_register([key, json, instance.address], false, ttl, nil)
        registration.setup(instance, key, ttl, nil) { nil }
      end
    end
  end
end
