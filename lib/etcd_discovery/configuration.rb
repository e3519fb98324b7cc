# frozen_string_literal: true

require "tmpdir"
require_relative "configuration/setting"
require_relative "configuration/settings"

module EtcdDiscovery
  # The settings of one client. Each is checked when it is given, so {ConfigurationError} points to the wrong
  # line.
  #
  # Settings that are not given come from these sources, the first one wins:
  #
  # 1. the environment (`ETCDDISCOVERY_ENDPOINTS` and so on), then etcdctl's own variables
  #    (`ETCDCTL_ENDPOINTS`, `ETCDCTL_USER`, `ETCDCTL_CACERT`, …)
  # 2. for the default client in Rails, `config.etcd_discovery` and `config/etcd_discovery.yml`
  # 3. the defaults
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
    # Checks settings that do not come from Ruby code, for which a backtrace would show the wrong line.
    #
    # @param settings [Hash{Symbol, String => Object}]
    # @param source [String] where they are written, for the message
    # @return [Hash{Symbol => Object}]
    def self.check(settings, source)
      given = settings.transform_keys { |name| setting(name, "#{source}: ") }
      # A template that gave nothing leaves the default in force.
      given.reject! { |setting, value| value.nil? && !setting.default.nil? }
      given.to_h { |setting, value| [setting.name, setting.check_text(value, "#{source}: #{setting.name}")] }
    end

    # @api private
    def self.setting(name, source = nil)
      BY_NAME.fetch(name.to_s.to_sym) do
        raise ConfigurationError, "#{source}#{name}: no such setting; there are #{BY_NAME.keys.join(', ')}"
      end
    end

    # @api private
    # @param name [String] what the message calls it
    # @return [String] the prefix, frozen
    # @raise [ConfigurationError] for one that does not end in a slash
    def self.prefix(prefix, name = "prefix")
      return prefix.dup.freeze if prefix.is_a?(String) && prefix.end_with?("/")

      raise ConfigurationError, "#{name}: #{prefix.inspect} is not a String that ends in a slash"
    end

    # @param settings [Hash{Symbol => Object}] any of {SETTINGS} by name
    # @param env [Hash{String => String}] the environment
    # @param below [Hash{Symbol => Object}] settings that apply below the environment and above the defaults
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

    # Adds keys and prefixes to watch. Without arguments, returns them.
    #
    # @param keys [Array<String>] a text that ends in `/` is a prefix, any other is one key
    # @return [Array<String>] everything that is watched, including the layers; with a `source`, all keys if
    #   none are named
    # @raise [ConfigurationError] for an argument that is not a String
    def watch(*keys)
      set(:watch, (@values[:watch] || []) + keys.flatten) unless keys.empty?
      watched = get(:watch)
      # Without etcd, watching everything costs nothing.
      return [""].freeze if watched.empty? && source

      # The layers watch a name. Watching it as a key could need a permission that the user does not have.
      layers.empty? ? watched : (watched.reject { |target| name?(target) } | layers).freeze
    end

    # @api private
    # @return [Boolean] whether a key or a prefix is looked up in the layers
    def name?(target) = !(layers.empty? || target.empty? || target.b.start_with?("/"))

    # @param name [Symbol]
    # @return [Object, nil] the value in force: given, from the environment, from below it, or the default
    def get(name)
      return @values[name] if @values.key?(name)

      setting = BY_NAME.fetch(name)
      setting.from_environment(@env, @below.fetch(name, setting.default))
    end

    # @api private
    # @return [Hash{Symbol => Object}] the settings in the form that the extension takes
    def to_native
      values = SETTINGS.to_h { |setting| [setting.name, get(setting.name)] }
      user, password = values[:user]&.split(":", 2)
      # A password belongs to its user: one from a lower level would be another user's.
      password = values[:password] || password unless password && level(:user) < level(:password)
      values.merge(watch: native_watch, user:, password:, discovery_srv: discovery_domain,
                   fleet_host: (Fleet::Membership.host if fleet), **native_host_copy).compact
    end

    # @api private
    # As in etcdctl, the domain takes precedence over endpoints from the same source.
    #
    # @return [String, nil] the domain whose records name the members, if one is used
    def discovery_domain
      get(:discovery_srv) unless level(:endpoints) < level(:discovery_srv)
    end

    # @api private
    # @return [Symbol, String] where a setting comes from: `:given`, the name of a variable, `:fallback` (from
    #   Rails) or `:default`
    def origin(name)
      return :given if @values.key?(name)

      BY_NAME.fetch(name).variable_of(@env) || (@below.key?(name) ? :fallback : :default)
    end

    # @api private
    # @return [Array<String>] warnings about the environment
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

    # Without a given folder each user has one, which no one else may enter. Which user that is, each process
    # finds out for itself: a worker may change its user after its master read the settings.
    def native_host_copy
      folder = get(:host_copy)
      return { host_copy: nil, host_copy_of_each_user_in: Dir.tmpdir } if folder == true

      # A daemon works in another folder than the process that read the settings.
      { host_copy: (File.expand_path(folder) if folder) }
    end

    def to_json_safe = SETTINGS.to_h { |setting| [setting.name, plain(setting, get(setting.name))] }

    # A setting without a secret is shown as it is.
    def plain(setting, value)
      case value
      when Array then value.map { |part| plain(setting, part) }
      when Numeric, true, false, nil then value
      else setting.show(value).then { |shown| shown == value.inspect ? value : shown.delete('"') }
      end
    end

    # The level that a setting comes from; 0 takes precedence over all others.
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
