# frozen_string_literal: true

require "json"
require "socket"

module EtcdDiscovery
  class Fleet
    # The place of one client of this process among the members of its fleet: a key under a lease, which the
    # native thread keeps alive. Each forked child has its own.
    #
    # @api private
    class Membership
      # Seconds that etcd keeps a member after its last heartbeat.
      TTL = 10

      # @return [String] as the keys have it
      def self.host = Socket.gethostname

      # @return [Membership] one that has not joined, of this process
      def self.of(client, prefix) = new(client, prefix)

      def initialize(client, prefix)
        @client = client
        @prefix = prefix
        @lock = Lock.new
        # Not those of the client: they are what the application has announced, and whether it is healthy
        # depends on them.
        @registrations = RegistrationSet.new
      end

      # Makes this process a member, if it is none. Never fails: a process without a fleet still serves.
      def join
        return if @joined == Process.pid

        Lock.soon { @lock.synchronize { announce unless @joined == Process.pid } }
      rescue Error => e
        @client.event_log.write(:warn, "cannot join the fleet #{@prefix}: #{e.message}", subject: :fleet)
      end

      # Ends the membership of this process.
      #
      # @return [Array<Registration>] what is left to deregister
      def leave
        @joined = nil
        @registrations.to_a
      end

      # @return [Member] this process
      def member
        Member.new(host: Membership.host, pid: Process.pid, parent_pid: Process.ppid, program: $PROGRAM_NAME,
                   version: VERSION, started_at: Time.now, layers: @client.config.layers)
      end

      private

      def announce
        own = member
        key = "#{@prefix}members/#{own.host}/#{own.pid}"
        json = JSON.generate(own.as_json.except("role"))
        instance = Instance.new(service: "#{@prefix}members/#{own.host}", id: own.pid.to_s, address: own.to_s)
        registration = @client.native_register([key, json, instance.address], false, TTL, nil)
        @registrations << registration
        registration.setup(instance, key, TTL, nil) { |ended| @registrations.delete(ended) }
        @joined = Process.pid
      end
    end
  end
end
