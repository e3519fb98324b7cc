# frozen_string_literal: true

require_relative "setting"

module EtcdDiscovery
  # The settings of one client. Each is checked when it is given: a wrong one raises
  # {ConfigurationError} at the line that is wrong.
  #
  # What is not given comes from the environment (`ETCDDISCOVERY_ENDPOINTS` and so on, then etcdctl's own
  # `ETCDCTL_ENDPOINTS`, `ETCDCTL_USER`, `ETCDCTL_CACERT`, …), then, for the default client in Rails, from
  # `config.etcd_discovery` and `config/etcd_discovery.yml`, then from the defaults.
  #
  # @example
  #   EtcdDiscovery.configure do |config|
  #     config.endpoints = %w[http://10.0.0.1:2379 http://10.0.0.2:2379]
  #     config.watch "/service/", "/config/limit"
  #   end
  class Configuration
    # Every setting, in the order of the documentation.
    SETTINGS = [
      Setting.new(
        :endpoints, :list,
        default: ["http://127.0.0.1:2379"].freeze, etcdctl: "ENDPOINTS",
        doc: "members of the cluster, `http://host:port` or `https://host:port`"
      ),
      Setting.new(
        :watch, :list,
        default: [].freeze, doc: "what to hold: prefixes (ending in `/`) and exact keys; `\"\"` is everything"
      ),
      Setting.new(:source, :source, doc: "what serves in place of etcd; see [testing.md](testing.md)"),
      Setting.new(:user, :string, etcdctl: "USER", doc: "user of etcd; `user:password` sets both"),
      Setting.new(:password, :string, etcdctl: "PASSWORD", secret: true, doc: "the user's password"),
      Setting.new(
        :ca_file, :path,
        etcdctl: "CACERT", doc: "PEM file of the authorities that sign etcd's certificates; else the system's"
      ),
      Setting.new(:cert_file, :path, etcdctl: "CERT", doc: "PEM file of the client's certificate"),
      Setting.new(:key_file, :path, etcdctl: "KEY", doc: "PEM file of the client's private key"),
      Setting.new(
        :server_name, :string,
        doc: "name to expect in etcd's certificate, in place of the endpoint's host"
      ),
      Setting.new(:boot_timeout, :seconds, default: 5.0, doc: "longest wait of `start` and of a first read"),
      Setting.new(:connect_timeout, :seconds, default: 2.0, doc: "for a connection, with TLS and login"),
      Setting.new(:request_timeout, :seconds, default: 3.0, doc: "for one answer of etcd"),
      Setting.new(
        :max_staleness, :seconds,
        default: 10.0, doc: "`stale?` is true when etcd has not confirmed the data for longer"
      ),
      Setting.new(:progress_interval, :seconds, default: 3.0, doc: "between two proofs that data is current"),
      Setting.new(
        :keepalive_interval, :seconds,
        default: 10.0, minimum: 5.0, doc: "between HTTP/2 pings; etcd refuses more than one in 5 s"
      ),
      Setting.new(:keepalive_timeout, :seconds, default: 3.0, doc: "for the answer to an HTTP/2 ping"),
      Setting.new(:backoff_cap, :seconds, default: 3.0, doc: "longest delay between two attempts to connect"),
      Setting.new(
        :required, :boolean,
        default: false, doc: "whether a Rails server refuses to boot without a first snapshot"
      ),
      Setting.new(:audit_interval, :interval, default: 300.0, doc: "between two audits of the copy; 0: none"),
      Setting.new(:member_sync, :boolean, default: false, doc: "use the cluster's other members too"),
      Setting.new(:cache_path, :path, doc: "file for a copy of the data, to start from while etcd is away"),
      Setting.new(:logger, :logger, doc: "where to report; `nil` for nowhere")
    ].freeze

    BY_NAME = SETTINGS.to_h { |setting| [setting.name, setting] }.freeze
    private_constant :BY_NAME

    # @api private
    # Checks settings that do not come from Ruby code, where a backtrace would show the wrong line.
    #
    # @param settings [Hash{Symbol, String => Object}]
    # @param source [String] where they stand, for the message
    # @return [Hash{Symbol => Object}]
    def self.check(settings, source)
      given = settings.transform_keys { |name| setting(name, "#{source}: ") }
      # Where a template gave nothing for what has a default, nothing is said of it.
      given.reject! { |setting, value| value.nil? && !setting.default.nil? }
      given.to_h { |setting, value| [setting.name, setting.check_text(value, "#{source}: #{setting.name}")] }
    end

    # @api private
    def self.setting(name, source = nil)
      BY_NAME.fetch(name.to_s.to_sym) do
        raise ConfigurationError, "#{source}#{name}: no such setting; there are #{BY_NAME.keys.join(', ')}"
      end
    end

    # @param settings [Hash{Symbol => Object}] any of {SETTINGS} by name
    # @param env [Hash{String => String}] the environment
    # @param below [Hash{Symbol => Object}] what stands below the environment, and above the defaults
    # @raise [ConfigurationError] for an unknown setting or a wrong value
    def initialize(env: ENV, below: {}, **settings)
      @env = env
      @below = below
      @values = {}
      settings.each { |name, value| set(name, value) }
    end

    SETTINGS.each do |setting|
      define_method("#{setting.name}=") { |value| set(setting.name, value) }
      next if setting.name == :watch

      define_method(setting.name) { get(setting.name) }
    end

    # Adds keys and prefixes to what is watched; without arguments, tells them.
    #
    # @param keys [Array<String>] a text that ends in `/` is a prefix, any other is one key
    # @return [Array<String>] all that is watched; with a `source`, everything where nothing is named
    # @raise [ConfigurationError] for something that is no String
    def watch(*keys)
      set(:watch, (@values[:watch] || []) + keys.flatten) unless keys.empty?
      # Without etcd there is no reason to be sparing.
      get(:watch).then { |watched| watched.empty? && source ? [""].freeze : watched }
    end

    # @param name [Symbol]
    # @return [Object, nil] the value in force: given, of the environment, of what is below, or the default
    def get(name)
      return @values[name] if @values.key?(name)

      setting = BY_NAME.fetch(name)
      setting.from_environment(@env, @below.fetch(name, setting.default))
    end

    # @api private
    # @return [Hash{Symbol => Object}] what the extension takes
    def to_native
      values = SETTINGS.to_h { |setting| [setting.name, get(setting.name)] }
      user, password = values[:user]&.split(":", 2)
      # A password goes with its user: one from further below is another user's.
      password = values[:password] || password unless password && level(:user) < level(:password)
      values.merge(watch:, user:, password:).compact
    end

    # @api private
    # @return [Array<String>] what to warn of in the environment
    def warnings
      SETTINGS.filter_map { |setting| setting.outdated(@env) unless @values.key?(setting.name) }
    end

    # @return [String] without secrets
    def inspect
      shown = SETTINGS.map { |setting| "#{setting.name}=#{setting.show(get(setting.name))}" }
      "#<#{self.class} #{shown.join(' ')}>"
    end

    private

    # Where a setting comes from; 0 goes before all others.
    def level(name)
      [@values.key?(name), BY_NAME.fetch(name).given_by?(@env), @below.key?(name), true].index(true)
    end

    def set(name, value)
      setting = self.class.setting(name)
      @values[setting.name] = setting.check(value)
    end
  end
end
