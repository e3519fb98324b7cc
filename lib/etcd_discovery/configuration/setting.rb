# frozen_string_literal: true

require_relative "../support/masked"
require_relative "setting/checks"

module EtcdDiscovery
  # One setting: its name, its type, where it comes from, and what is accepted.
  #
  # @api private
  class Setting
    include Checks

    # What each type accepts, in words.
    ACCEPTED = {
      list: "a list of Strings",
      string: "a String",
      path: "the path of a file",
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

    # Starts the names of our own variables. Not with `ETCD_`: the etcd server takes every such variable for a
    # flag of its own, and ETCD_DISCOVERY_ENDPOINTS keeps etcd 3.6 from starting.
    PREFIX = "ETCDDISCOVERY_"
    # What it was before the first release; still read.
    OLD_PREFIX = "ETCD_DISCOVERY_"
    # Only the server reads this one. Where it is set, the others are the server's too.
    SERVERS_OWN = "ETCD_DISCOVERY_TOKEN"
    private_constant :PREFIX, :OLD_PREFIX, :SERVERS_OWN

    # Seconds; more is a mistake (and too much for the system's timers).
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

    # @return [Array<String>] the environment variables that set it, the first in force first
    def variables
      return [] if type == :logger

      [own_variable(PREFIX), *("ETCDCTL_#{@etcdctl}" if @etcdctl)]
    end

    # @return [String, nil] a warning if `env` sets it by the old name of its variable
    def outdated(env)
      old = own_variable(OLD_PREFIX)
      "the environment variable #{old} is now #{own_variable(PREFIX)}" if variable_of(env) == old
    end

    # What the environment says; where it says nothing, what stands below it.
    def from_environment(env, below)
      variable = variable_of(env)
      variable ? check_text(env[variable], variable) : below
    end

    def given_by?(env)
      !variable_of(env).nil?
    end

    # Whether `env` gives it by our own variable, and not by etcdctl's.
    def own?(env)
      given_by?(env) && !variable_of(env).start_with?("ETCDCTL_")
    end

    # Where a list may stand in one text, its parts are between commas. An empty part is passed over: in
    # `watch` it would mean everything.
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

    # @return [String] the value without what is secret
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

    private

    def variable_of(env)
      own, *etcdctls = variables
      old = own_variable(OLD_PREFIX) if own && !env[SERVERS_OWN]
      [own, old, *etcdctls].compact.find { |variable| env[variable] && !env[variable].empty? }
    end

    def own_variable(prefix) = "#{prefix}#{name.to_s.upcase}"
  end
end
