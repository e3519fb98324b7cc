# frozen_string_literal: true

require_relative "../support/masked"
require_relative "setting/checks"

module EtcdDiscovery
  # One setting: its name, its type, its sources, and what it accepts.
  #
  # @api private
  class Setting
    include Checks

    # What each type accepts, in words.
    ACCEPTED = {
      list: "a list of Strings",
      string: "a String",
      path: "the path of a file",
      switch: "true, false, or the path of a folder",
      source: "`memory`, or the path of a YAML file",
      seconds: "a number of seconds above 0",
      interval: "a number of seconds, or 0 for never",
      boolean: "true or false",
      prefix: "a prefix, which ends in a slash",
      layers: "a list of prefixes that begin and end with a slash",
      count: "a whole number",
      children: "`soon`, `now` or `lazy`",
      logger: "an object with `info`, `warn` and `error`"
    }.freeze

    # The prefix of the gem's environment variables. Not `ETCD_`: the etcd server takes every such variable
    # for one of its flags, and ETCD_DISCOVERY_ENDPOINTS keeps etcd 3.6 from starting.
    PREFIX = "ETCDDISCOVERY_"
    # The prefix before the first release; still read.
    OLD_PREFIX = "ETCD_DISCOVERY_"
    # Only the server reads this variable. If it is set, the others belong to the server too.
    SERVERS_OWN = "ETCD_DISCOVERY_TOKEN"
    private_constant :PREFIX, :OLD_PREFIX, :SERVERS_OWN

    # Maximum seconds. More is a mistake (and too much for the system's timers).
    LONGEST = 1_000_000

    attr_reader :name, :type, :default, :doc

    # @param options [Hash] `default`, `minimum` (of a number), `secret`, and `etcdctl`: the name of
    #   etcdctl's own variable, without its prefix
    def initialize(name, type, doc:, **options)
      @name = name
      @type = type
      @doc = doc
      @default, @minimum, @secret, @etcdctl = options.values_at(:default, :minimum, :secret, :etcdctl)
      freeze
    end

    # @return [Array<String>] the environment variables that set it, by precedence
    def variables
      return [] if type == :logger

      [own_variable(PREFIX), *("ETCDCTL_#{@etcdctl}" if @etcdctl)]
    end

    # @return [String, nil] a warning if `env` sets it by the old name of its variable
    def outdated(env)
      old = own_variable(OLD_PREFIX)
      "the environment variable #{old} is now #{own_variable(PREFIX)}" if variable_of(env) == old
    end

    # The value from the environment, or the value below it.
    def from_environment(env, below)
      variable = variable_of(env)
      variable ? check_text(env[variable], variable) : below
    end

    def given_by?(env)
      !variable_of(env).nil?
    end

    # Whether `env` sets it through the gem's own variable and not through etcdctl's.
    def own?(env)
      given_by?(env) && !variable_of(env).start_with?("ETCDCTL_")
    end

    # Splits a list in one text at commas. Empty parts are skipped: in `watch` one would mean everything.
    def check_text(value, source)
      several = %i[list layers].include?(type) && value.is_a?(String) && value.b.include?(",")
      check(several ? ForeignText.parts(value) : value, source)
    end

    def check(value, source = name)
      return value if value.nil? && default.nil?

      checked = send("check_#{type}", value)
      return checked unless checked.nil?

      raise ConfigurationError, "#{source}: #{show(value)} is not #{accepted}"
    end

    # @return [String] the value without its secrets
    def show(value)
      return value.class.to_s if type == :logger
      return "nil" if value.nil?
      return Masked.secret(value) if @secret
      # `user:password` is one of the accepted forms.
      return Masked.user(value) if name == :user

      name == :endpoints ? Masked.endpoints(value) : Masked.value(value)
    end

    # @return [String] what it accepts, in words
    def accepted
      @minimum ? "#{ACCEPTED.fetch(type)}, at least #{@minimum}" : ACCEPTED.fetch(type)
    end

    # @return [String, nil] the variable of `env` that sets it
    def variable_of(env)
      own, *etcdctls = variables
      old = own_variable(OLD_PREFIX) if own && !env[SERVERS_OWN]
      [own, old, *etcdctls].compact.find { |variable| env[variable] && !env[variable].empty? }
    end

    private

    def own_variable(prefix) = "#{prefix}#{name.to_s.upcase}"
  end
end
