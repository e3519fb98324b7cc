# frozen_string_literal: true

module EtcdDiscovery
  # A live copy of some keys of one cluster. The module's own methods speak to one default client; make
  # another for a second cluster.
  #
  # @example
  #   other = EtcdDiscovery::Client.new(endpoints: ["http://10.9.0.1:2379"], watch: ["/flags/"])
  #   other.start
  #   other["/flags/checkout"]  # => "on"
  #
  # @!method [](key)
  #   Reads local memory: no network, no lock, no allocation. The first read starts the client when
  #   nothing else did.
  #   @param key [String]
  #   @return [String, nil] the value, frozen and the same object until it changes (UTF-8 where its bytes
  #     are, else BINARY); `nil` when there is no such key
  #   @raise [UnwatchedKeyError] outside every watched range
  #   @raise [ConnectionError, AuthenticationError, PermissionError] when there is no first snapshot
  #     within `boot_timeout`
  # @!method key?(key)
  #   @param key [String]
  #   @return [Boolean]
  #   @raise [UnwatchedKeyError] outside every watched range
  # @!method ready?
  #   @return [Boolean] whether there is a snapshot to read from
  # @!method snapshot
  #   @return [Snapshot] all watched keys at one revision
  class Client
    # @return [Configuration]
    attr_reader :config

    # @param config [Configuration, nil] or, in its place, settings by name
    # @param settings [Hash{Symbol => Object}] see {Configuration::SETTINGS}
    # @raise [ConfigurationError] for a wrong setting; nothing is connected yet
    def initialize(config = nil, **settings)
      @config = config || Configuration.new(**settings)
      native_setup(@config.to_native, @config.boot_timeout)
      Fork.register(self)
    end

    # Starts watching, and waits for the first complete snapshot. Does nothing when it is there already.
    #
    # @param timeout [Numeric] seconds to wait at most; `boot_timeout` when not given
    # @return [self]
    # @raise [ConnectionError, AuthenticationError, PermissionError] when there is none in time; the client
    #   goes on trying in the background
    def start(timeout: config.boot_timeout)
      native_start
      native_wait_ready(Float(timeout))
      self
    end

    # Ends the connections. The last snapshot stays readable, and grows stale.
    #
    # @return [self]
    def stop
      native_stop
      self
    end

    # Watches again in a forked child, without listing again. What unicorn's `after_fork` calls; elsewhere,
    # or called twice, it does nothing.
    #
    # @return [self]
    def after_fork
      native_resume
      self
    end

    # @param key [String]
    # @param default [Object] given back for a key that is not there
    # @yieldparam key [String] called for a key that is not there
    # @return [String, Object]
    # @raise [KeyError] when the key is not there, without default and block
    # @raise [UnwatchedKeyError] outside every watched range
    def fetch(key, default = Absent)
      value = self[key]
      return value unless value.nil?

      Absent.value(self, key, default) { |absent| return yield(absent) if block_given? }
    end

    # Writes to etcd. The new value is in {#[]} once it has come back by the watch.
    #
    # @param key [String]
    # @param value [String]
    # @return [Integer] the revision of the change
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def put(key, value)
      native_put(key, value)
    end

    # @param key [String]
    # @return [Integer] the revision of the change
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def delete(key)
      native_delete(key)
    end

    # @return [Status]
    def status
      Status.new(native_status, watched: config.watch, max_staleness: config.max_staleness)
    end

    # @return [Boolean] whether etcd has confirmed the data within `max_staleness`
    def healthy?
      !stale?
    end

    # @return [Boolean] whether etcd has not confirmed the data for longer than `max_staleness`
    def stale?
      status.stale?
    end

    # @return [String] without secrets
    def inspect
      "#<#{self.class} #{config.endpoints.join(' ')} watch=#{config.watch.inspect}>"
    end
  end
end
