# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # Where etcd is and who to be: from the options, then from the environment, or with `--rails` from the
    # application.
    #
    # @api private
    module Connection
      # What only the application's own processes have: a place in the fleet, a copy on disk, a logger.
      LEFT_OUT = %i[watch fleet cache_path host_copy logger].freeze
      private_constant :LEFT_OUT

      private

      def connection_options(options)
        application_options(options)
        options.on("--endpoints LIST", Array, "http://host:port, …") { |list| @settings[:endpoints] = list }
        login_options(options)
        options.on("--ca-file FILE", "who signs etcd's certificates") { |file| @settings[:ca_file] = file }
        options.on("--cert-file FILE", "the client's certificate") { |file| @settings[:cert_file] = file }
        options.on("--key-file FILE", "the client's key") { |file| @settings[:key_file] = file }
        options.on("--timeout SECONDS", Float, "longest wait for etcd") do |time|
          @settings[:boot_timeout] = time
        end
      end

      def application_options(options)
        options.on("--rails", "take the settings of the Rails application in this folder, and check values " \
                              "against its declared settings") { @rails = true }
        options.on("--fleet PREFIX", "where the processes of the fleet are members") do |prefix|
          @fleet_prefix = prefix
        end
      end

      # The layers are only watched for a name. A key may be all that the user can read.
      def client(*watched)
        config = Configuration.new(**connection, watch: watched)
        config.layers = [] unless watched.empty? || watched.any? { |target| config.name?(target) }
        Client.new(config)
      end

      # This process is no member of the fleet: it ends at once.
      def connection = { **application, **@settings, fleet: nil }

      # @return [Fleet] which `writer` asks
      def fleet(writer) = Fleet.new(writer, Configuration.new(env: {}, fleet: fleet_prefix).fleet)

      def fleet_prefix = @fleet_prefix || application[:fleet] || Configuration.new.fleet

      # Knows the fleet, to leave its keys alone. It does not follow etcd, so it is no member either.
      def client_beside_fleet = Client.new(Configuration.new(**connection, watch: [], fleet: fleet_prefix))

      # @return [Hash{Symbol => Object}] what the application has set, by whatever way
      def application
        return {} unless @rails

        @application ||= begin
          load_application
          config = EtcdDiscovery.client.config
          refuse_source(config)
          names = Configuration::SETTINGS.map(&:name) - LEFT_OUT
          # As the endpoints come from the domain, they are not given too.
          names -= [config.discovery_domain ? :endpoints : :discovery_srv]
          { env: {}, **names.to_h { |name| [name, config.get(name)] }.compact, fleet: config.fleet }
        end
      end

      def refuse_source(config)
        source = config.source or return

        raise WrongUsage, "--rails: this environment has no etcd, but the source #{source}"
      end

      # All of it, so that every class of settings is declared.
      def load_application
        path = File.expand_path("config/environment.rb")
        raise WrongUsage, "--rails: there is no #{path}" unless File.exist?(path)

        require path
        ::Rails.application.eager_load!
      end

      # @raise [InvalidValueError]
      def check_declared(key, value)
        return unless @rails

        layers = application.fetch(:layers, [])
        Settings::TextCheck.check(key, value, layers)
      end
    end
  end
end
