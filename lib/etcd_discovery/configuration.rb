# frozen_string_literal: true

require_relative "configuration/setting"
require_relative "configuration/settings"

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
    include ProcessBound

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
    # @return [Array<String>] all that is watched, with the layers; with a `source`, everything where nothing
    #   is named
    # @raise [ConfigurationError] for something that is no String
    def watch(*keys)
      set(:watch, (@values[:watch] || []) + keys.flatten) unless keys.empty?
      watched = get(:watch)
      # Without etcd there is no reason to be sparing.
      return [""].freeze if watched.empty? && source

      # A name is watched with the layers. Watching it as a key could take a right that the user has not.
      layers.empty? ? watched : (watched.reject { |target| name?(target) } | layers).freeze
    end

    # @api private
    # @return [Boolean] whether a key or a prefix is looked up in the layers
    def name?(target) = !(layers.empty? || target.empty? || target.b.start_with?("/"))

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
      values.merge(watch: native_watch, user:, password:, discovery_srv: discovery_domain,
                   fleet_host: (Fleet::Membership.host if fleet)).compact
    end

    # @api private
    # As with etcdctl, the domain goes before endpoints that are given at the same place.
    #
    # @return [String, nil] the domain whose records name the members, if they do
    def discovery_domain
      get(:discovery_srv) unless level(:endpoints) < level(:discovery_srv)
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

    # A member of a fleet hears roll calls among its watched keys: so it has the revision that a call asks for
    # when it sees the call.
    def native_watch = fleet ? [*watch, "#{fleet}calls/"] : watch

    def to_json_safe = SETTINGS.to_h { |setting| [setting.name, plain(setting, get(setting.name))] }

    # What a setting shows as it is, is the value itself.
    def plain(setting, value)
      case value
      when Array then value.map { |part| plain(setting, part) }
      when Numeric, true, false, nil then value
      else setting.show(value).then { |shown| shown == value.inspect ? value : shown.delete('"') }
      end
    end

    # Where a setting comes from; 0 goes before all others.
    def level(name)
      setting = BY_NAME.fetch(name)
      [@values.key?(name), setting.own?(@env), setting.given_by?(@env), @below.key?(name), true].index(true)
    end

    def set(name, value)
      setting = self.class.setting(name)
      @values[setting.name] = setting.check(value)
    end
  end
end
