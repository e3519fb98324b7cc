# frozen_string_literal: true

module EtcdDiscovery
  class Client
    # The part of a {Client} that announces and finds services.
    module Services
      # etcd grants no lease for longer.
      LONGEST_TTL = 9_000_000_000

      # Announces an instance of a service, until {Registration#deregister} or the end of the process.
      # Returns at once; registering, and registering again after whatever happens, goes on in a native
      # thread.
      #
      # @example the plain form: one key
      #   EtcdDiscovery.register("/service/a", "10.1.1.60:8081", ttl: 10)
      # @example one of many instances, in the form that Go's clientv3 reads
      #   EtcdDiscovery.register("b", "10.1.1.60:8081", id: "web-1", weight: 2, format: :endpoints)
      # @example only while the application's loop turns
      #   registration = EtcdDiscovery.register("b", "10.1.1.60:8081", id: "web-1", liveness: 20)
      #   loop { work; registration.touch }
      #
      # @param service [String] a name, which stands under `/service/`, or a key or prefix with a slash in it
      # @param address [String] where the instance answers, such as `10.1.1.60:8081`
      # @param id [String, nil] tells the instances of a service apart: a later registration of the same id
      #   takes its place. Without one the plain format has the service's one key; the others take the address
      # @param ttl [Integer] seconds that etcd keeps the key after the last heartbeat; etcd may grant more
      # @param weight [Numeric, nil] share of work, for the formats that hold one
      # @param metadata [Hash{String => Object}, nil] for the formats that hold it
      # @param format [Symbol, Formats::Format] `:plain`, `:endpoints`, `:kratos`, `:zero` or one of your own
      # @param liveness [Numeric, #call, nil] seconds within which {Registration#touch} must be called, or a
      #   block that tells whether the application is alive; else the heartbeat stops
      # @return [Registration]
      # @raise [ConfigurationError] for a wrong argument
      # @raise [ClosedError] after {Client#stop}
      def register(service, address, id: nil, ttl: 15, weight: nil, metadata: nil, format: :plain,
                   liveness: nil)
        ttl = checked_ttl(ttl)
        format = Formats[format]
        instance = Instance.new(service:, id:, address:, weight:, metadata:)
        key = format.key(instance)
        registration = native_register([key, format.encode(instance), instance.address],
                                       format.under_lease?, ttl, liveness_seconds(liveness, ttl))
        registrations << registration
        observe
        registration.setup(instance, key, ttl, probe(liveness, ttl)) { |ended| registrations.delete(ended) }
      end

      # The instances of a service, from local memory. The same arguments give the same object, which counts
      # the work under way and remembers who fails.
      #
      # @param name [String] as for {#register}; its keys must be watched
      # @param options [Hash{Symbol => Object}] see {Service#initialize}
      # @return [Service]
      # @raise [ConfigurationError] for a wrong option
      def service(name, **options)
        @services_of ||= Process.pid
        @services ||= {}
        @services[[name, options]] ||= Service.new(self, name, **options)
      end

      # @return [Array<Registration>] what this process has announced, and not deregistered
      def registrations
        @registrations ||= RegistrationSet.new
      end

      private

      # The work that services count as under way is the parent's.
      def forget_inherited_work
        return if @services_of.nil? || @services_of == Process.pid

        @services_of = Process.pid
        @services.each_value(&:after_fork)
      end

      def checked_ttl(ttl)
        return ttl if ttl.is_a?(Integer) && ttl.between?(1, LONGEST_TTL)

        raise ConfigurationError,
              "ttl: #{ttl.inspect} is not a whole number of seconds from 1 to #{LONGEST_TTL}"
      end

      def liveness_seconds(liveness, ttl)
        return liveness if liveness.nil?
        return Float(ttl) if liveness.respond_to?(:call)

        seconds = Float(liveness, exception: false)
        return seconds if seconds&.between?(Float::MIN, Setting::LONGEST)

        raise ConfigurationError, "liveness: #{liveness.inspect} is neither a number of seconds nor a block"
      end

      def probe(liveness, ttl)
        LivenessProbe.new(ttl / 3.0, event_log, &liveness.method(:call)) if liveness.respond_to?(:call)
      end
    end
  end
end
