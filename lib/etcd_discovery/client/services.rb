# frozen_string_literal: true

module EtcdDiscovery
  class Client
    # The part of a {Client} that announces and finds services.
    module Services
      # The longest TTL that etcd grants.
      LONGEST_TTL = 9_000_000_000

      # Announces an instance of a service until {Registration#deregister} or the end of the process.
      #
      # Returns at once. A native thread registers the instance, and registers it again whenever it is lost.
      #
      # @example the plain form: one key
      #   EtcdDiscovery.register("/service/a", "10.1.1.60:8081", ttl: 10)
      # @example one of many instances, in the form that Go's clientv3 reads
      #   EtcdDiscovery.register("b", "10.1.1.60:8081", id: "web-1", weight: 2, format: :endpoints)
      # @example only while the application's loop runs
      #   registration = EtcdDiscovery.register("b", "10.1.1.60:8081", id: "web-1", liveness: 20)
      #   loop { work; registration.touch }
      #
      # @param service [String] a name, which is placed under `/service/`, or a key or prefix with a slash in
      #   it
      # @param address [String] where the instance answers, such as `10.1.1.60:8081`
      # @param id [String, nil] distinguishes the instances of a service: a later registration with the same
      #   id replaces it. Without an id, the plain format uses the service's single key; the others use the
      #   address
      # @param ttl [Integer] seconds that etcd keeps the key after the last heartbeat; etcd may grant more
      # @param weight [Numeric, nil] share of work, for the formats that store one
      # @param metadata [Hash{String => Object}, nil] for the formats that store it
      # @param format [Symbol, Formats::Format] `:plain`, `:endpoints`, `:kratos`, `:zero` or one of your own
      # @param liveness [Numeric, #call, nil] seconds within which {Registration#touch} must be called, or a
      #   block that returns whether the application is alive; without a sign of life the heartbeat stops
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

      # The instances of a service, from local memory. The same arguments return the same object, which counts
      # the work under way and remembers failing instances.
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

      # @api private
      # @return [Array<Service>] those that the application has asked for
      def used_services = (@services || {}).values

      # @return [Array<Registration>] the registrations of this process that were not deregistered
      def registrations
        @registrations ||= RegistrationSet.new
      end

      private

      # Work in progress at services belongs to the parent process.
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
