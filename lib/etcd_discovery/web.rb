# frozen_string_literal: true

begin
  require "rack"
rescue LoadError => e
  raise e unless e.path == "rack"

  raise LoadError, "EtcdDiscovery::Web needs the gem rack (2.2 or newer): add `gem \"rack\"` to the Gemfile"
end

module EtcdDiscovery
  # A page about this process, its keys, its services and its cluster: a Rack application to mount.
  #
  # It is plain HTML with its own stylesheet and script, and follows changes by server-sent events. It shows
  # only the watched keys. It writes only with `write: true`. Each write names its author, needs a note, and
  # is refused if the key has changed since it was shown.
  #
  # In production (any environment but `development` and `test`) it serves nothing without `authorize`.
  #
  # @example config/initializers/etcd_discovery.rb and config/routes.rb
  #   EtcdDiscovery::Web.configure(
  #     write: true,
  #     authorize: ->(env) { env["warden"].user(:admin)&.email }   # nil: refused
  #   )
  #
  #   mount EtcdDiscovery::Web => "/etcd_discovery"
  # @example config.ru
  #   map "/etcd_discovery" do
  #     run EtcdDiscovery::Web.new(authorize: ->(env) { env["REMOTE_USER"] })
  #   end
  class Web
    # Environments in which the page needs no `authorize`.
    OPEN_ENVIRONMENTS = %w[development test].freeze
    MISSING = "EtcdDiscovery::Web serves nothing in %<environment>s until you decide who may see it. Add " \
              "this line before the page is mounted, and have it return the name of who acts, or nil to " \
              "refuse: EtcdDiscovery::Web.configure(authorize: ->(env) { env[\"REMOTE_USER\"] })"
    private_constant :OPEN_ENVIRONMENTS, :MISSING

    class << self
      # Sets the options with which the class itself is mounted.
      #
      # @param options [Hash{Symbol => Object}] see {Web#initialize}
      # @return [Web] what is mounted
      # @raise [ConfigurationError] for a wrong option, and in production without `authorize`
      def configure(**options)
        @default = new(**options)
      end

      # @param env [Hash] of Rack
      # @return [Array] what Rack expects of an application
      # @raise [ConfigurationError] in production without `authorize`
      def call(env)
        (@default ||= new).call(env)
      end

      # Rails' `mount` asks whether a class can be called. In production without `authorize` this raises
      # there: the boot stops at the line that mounts the page, not at the first request.
      #
      # @api private
      def respond_to?(name, include_all = false) # rubocop:disable Style/OptionalBooleanParameter
        @default ||= new if name == :call
        super
      end
    end

    # @api private
    # @return [Boolean] whether it writes
    attr_reader :write
    # @api private
    # @return [Mask]
    attr_reader :mask

    # @param client [Client, nil] the default client when not given
    # @param write [Boolean] whether values can be changed here
    # @param authorize [#call, nil] is called with Rack's `env` at each request, and returns the name of who
    #   acts; `nil` or `false` refuses the request
    # @param mask [Array<Regexp>] values of keys that match one of them are never shown, besides those that
    #   the page hides by itself (`password`, `secret`, `token` and so on)
    # @param unmask [Array<Regexp>] keys that are shown although they match
    # @raise [ConfigurationError] for a wrong option, and in production without `authorize`
    def initialize(client: nil, write: false, authorize: nil, mask: [], unmask: [])
      check(:write, write, "true or false") { |given| [true, false].include?(given) }
      check(:authorize, authorize, "a block that is called with env") do |given|
        given.nil? || given.respond_to?(:call)
      end
      @client = client
      @write = write
      @authorize = authorize || open_authorize
      @mask = Mask.new(mask, unmask)
    end

    # @param env [Hash] of Rack
    # @return [Array] what Rack expects of an application
    def call(env)
      Router.new(self, Request.new(env, @authorize)).answer
    end

    # @api private
    # @return [Client]
    def client = @client || EtcdDiscovery.client

    # @return [String]
    def inspect = "#<#{self.class} #{write ? 'write' : 'read-only'}>"

    private

    def check(name, given, accepted)
      raise ConfigurationError, "#{name}: #{given.inspect} is not #{accepted}" unless yield given
    end

    def open_authorize
      environment = environments.find { |name| !OPEN_ENVIRONMENTS.include?(name) }
      raise ConfigurationError, format(MISSING, environment:) if environment

      ->(_env) { ChangeLog::Entry.author }
    end

    # Without any, Rack's own servers take it for development.
    def environments
      rails = ::Rails.env.to_s if defined?(::Rails.env)
      [rails, *ENV.values_at("RAILS_ENV", "RACK_ENV", "APP_ENV")].compact.reject(&:empty?)
    end
  end
end

require_relative "client/companions"
require_relative "web/html"
require_relative "web/strings"
require_relative "web/mask"
require_relative "web/request"
require_relative "web/guard"
require_relative "web/response"
require_relative "web/assets"
require_relative "web/collector"
require_relative "web/chart"
require_relative "web/tree"
require_relative "web/lines"
require_relative "web/declared"
require_relative "web/value_text"
require_relative "web/display"
require_relative "web/past"
require_relative "web/gateway"
require_relative "web/leases"
require_relative "web/layered"
require_relative "web/roll"
require_relative "web/page"
require_relative "web/pages/error"
require_relative "web/pages/processes"
require_relative "web/pages/overview"
require_relative "web/pages/keys"
require_relative "web/pages/forms"
require_relative "web/pages/layers"
require_relative "web/pages/key"
require_relative "web/pages/conflict"
require_relative "web/pages/layer_conflict"
require_relative "web/pages/rollback"
require_relative "web/pages/services"
require_relative "web/pages/events"
require_relative "web/stream"
require_relative "web/writes"
require_relative "web/layer_writes"
require_relative "web/router"
