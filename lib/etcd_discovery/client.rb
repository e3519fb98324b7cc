# frozen_string_literal: true

module EtcdDiscovery
  # A live copy of some keys of one cluster.
  #
  # The module's own methods use one default client. Create another client for a second cluster.
  #
  # @example
  #   other = EtcdDiscovery::Client.new(endpoints: ["http://10.9.0.1:2379"], watch: ["/flags/"])
  #   other.start
  #   other["/flags/checkout"]  # => "on"
  #
  # @!method [](key)
  #   Reads local memory: no network, no lock, no allocation. The first read starts the client if nothing else
  #   has.
  #
  #   Reads wait once for the first snapshot, until `boot_timeout` after the client started. If etcd is away
  #   for longer, reads do not wait again until etcd answers: a read with a default (also {#fetch} and the
  #   typed ones) returns it at once, and every other read raises at once. A forked child does not wait again.
  #   @param key [String]
  #   @return [String, nil] the value, frozen and the same object until it changes (UTF-8 if its bytes are
  #     valid, else BINARY); `nil` when the key does not exist
  #   @raise [UnwatchedKeyError] outside every watched range
  #   @raise [ConnectionError, AuthenticationError, PermissionError] when there is no first snapshot
  # @!method key?(key)
  #   @param key [String]
  #   @return [Boolean]
  #   @raise [UnwatchedKeyError] outside every watched range
  # @!method ready?
  #   @return [Boolean] whether there is a snapshot to read from; true for a client that watches nothing
  # @!method snapshot
  #   @return [Snapshot] all watched keys at one revision; within {#pin}, the pinned one
  # @!method pin
  #   Makes all reads of this client in the block use one revision: that of the first read. It applies to the
  #   calling fiber, not to threads and fibers started in the block.
  #   @example Two keys that belong together
  #     client.pin { [client["/db/host"], client["/db/password"]] }
  #   @yield once, without arguments
  #   @return [Object] what the block returns
  #
  # @!method json(key, default = nil)
  #   The value parsed as JSON. It is parsed once per change; until then every call returns the same deeply
  #   frozen object.
  #
  #   A bad value does no harm: as long as it is in etcd, this and the other typed reads return the last good
  #   value read in this process. The logger is warned once, and {Status#invalid_keys} names the key.
  #
  #   The last good value depends on what this process has read. Until a good value is written, processes may
  #   differ:
  #
  #   - A process that never read a good value of the key with this method returns `default` or raises
  #     {ParseError}. This includes every process that started later.
  #   - Processes that read at different times can have different values.
  #   - A process forgets its last good value when it reads after the key was deleted. If the key is deleted
  #     and written again with no read in between, the process keeps it.
  #   @example
  #     client.json("/config/limits")["upload"]  # => 1048576
  #   @param key [String]
  #   @param default [Object] for a key that does not exist, for a bad value without a good one before it, and
  #     while there is no first snapshot
  #   @return [Hash, Array, String, Integer, Float, Boolean, nil] integers of any size; the last of duplicate
  #     keys in an object
  #   @raise [ParseError] for a bad value (or one nested deeper than 128) without a good one before it and
  #     without `default`
  #   @raise [UnwatchedKeyError] outside every watched range
  # @!method integer(key, default = nil)
  #   The value as an integer, in the format of Ruby's `Integer(text, 10)`. Otherwise like {#json}.
  #   @param key [String]
  #   @param default [Object]
  #   @return [Integer, Object, nil]
  #   @raise [ParseError, UnwatchedKeyError]
  # @!method float(key, default = nil)
  #   The value as a number, in the format of Ruby's `Float(text)`. Otherwise like {#json}.
  #   @param key [String]
  #   @param default [Object]
  #   @return [Float, Object, nil]
  #   @raise [ParseError, UnwatchedKeyError]
  # @!method boolean(key, default = nil)
  #   The value as a boolean: `true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0`, in upper or lower case.
  #   Otherwise like {#json}.
  #   @param key [String]
  #   @param default [Object]
  #   @return [Boolean, Object, nil]
  #   @raise [ParseError, UnwatchedKeyError]
  # @!method list(key, default = nil)
  #   The parts of the value between commas or line breaks, without surrounding white space and empty parts.
  #   Every value is a valid list.
  #   @param key [String]
  #   @param default [Object]
  #   @return [Array<String>, Object, nil] deeply frozen
  #   @raise [UnwatchedKeyError]
  # @!method duration(key, default = nil)
  #   The value in seconds: a plain number, or amounts with the units ns, us, ms, s, m, h and d. Otherwise
  #   like {#json}.
  #   @example
  #     client.duration("/config/timeout")  # "250ms" => 0.25, "1h30m" => 5400.0, "2.5" => 2.5
  #   @param key [String]
  #   @param default [Object]
  #   @return [Float, Object, nil] seconds, never negative
  #   @raise [ParseError, UnwatchedKeyError]
  class Client
    include Services
    include ProcessBound

    # @return [Configuration]
    attr_reader :config
    # @api private
    # @return [Source::File, nil] the file that is followed instead of etcd
    attr_reader :source

    # @param config [Configuration, nil] the settings, unless they are given by name
    # @param settings [Hash{Symbol => Object}] see {Configuration::SETTINGS}
    # @raise [ConfigurationError] for a wrong setting; nothing is connected yet
    def initialize(config = nil, **settings)
      @config = config || Configuration.new(**settings)
      @change_feed = ChangeFeed.new(self)
      @event_subscriptions = {}.compare_by_identity
      @event_log = Events::EventLogger.new(self)
      native_setup(@config.to_native, @config.boot_timeout)
      notifications
      @source = Source.follow(self)
      @config.warnings.each { |warning| warn_once(warning) }
      Fork.register(self) # last: a client that could not be made is in no list
    end

    # Warnings already given in this process.
    WARNED = {} # rubocop:disable Style/MutableConstant
    private_constant :WARNED

    # Starts watching and waits for the first complete snapshot. Does nothing if it already exists.
    #
    # A client that watches nothing does not wait. If etcd is away and there is a disk copy (`cache_path`),
    # the client serves the copy and warns the logger.
    #
    # @param timeout [Numeric] maximum seconds to wait; `boot_timeout` when not given
    # @return [self]
    # @raise [ConnectionError, AuthenticationError, PermissionError] when no snapshot arrives in time; the
    #   client keeps trying in the background, and reads do not wait for it again
    def start(timeout: config.boot_timeout)
      native_start
      Source::Follower.add(@source) if @source
      observe
      native_wait_ready(Float(timeout))
      follow_changes
      self
    ensure
      report_cache
    end

    # Closes the connections and deregisters this process's registrations.
    #
    # The last snapshot stays readable and becomes stale.
    #
    # @return [self]
    def stop
      Registration.withdraw(registrations.to_a + leave_fleet, timeout: Registration::EXIT_PATIENCE)
      Source::Follower.remove(@source) if @source
      native_stop
      event_log.stopped
      self
    end

    # Watches again in a forked child, without listing again. Called from unicorn's `after_fork`; does nothing
    # elsewhere or when called twice.
    #
    # @return [self]
    def after_fork
      native_resume
      forget_inherited_work
      join_fleet
      self
    end

    # @param key [String]
    # @param default [Object] returned for a key that does not exist, and while there is no first snapshot
    # @yieldparam key [String] called instead of `default`
    # @return [String, Object]
    # @raise [KeyError] when the key does not exist, without default and block
    # @raise [UnwatchedKeyError] outside every watched range
    # @raise [ConnectionError, AuthenticationError, PermissionError] when there is no first snapshot, without
    #   default and block
    def fetch(key, default = Absent)
      value = begin
        self[key]
      rescue ConnectionError, AuthenticationError, PermissionError
        raise if default.equal?(Absent) && !block_given?
      end
      return value unless value.nil?

      Absent.value(self, key, default) { |absent| return yield(absent) if block_given? }
    end

    # @return [Status]
    def status
      fields = native_status.merge(invalid_keys: (native_invalid_keys | Settings.invalid_keys(self)).freeze,
                                   registrations: registrations.map(&:to_h))
      Status.new(fields, watched: config.watch, max_staleness: config.max_staleness)
    end

    # Whether the data is fresh and all registrations are in etcd.
    #
    # A client that watches nothing is healthy if it has at least one registration, and all are in etcd.
    #
    # @return [Boolean]
    def healthy?
      status.healthy?
    end

    # @return [Boolean] whether etcd has not confirmed the data for longer than `max_staleness`
    def stale?
      status.stale?
    end

    # @return [String] without secrets
    def inspect = "#<#{self.class} #{place} watch=#{config.watch.inspect}>"

    # Stops following etcd for good, for tests that stub keys.
    #
    # @api private
    def leave_etcd
      stop
      native_go_offline
    end

    private

    def place = config.source || config.discovery_domain || config.endpoints.join(" ")

    # Only fields that are available without waiting.
    def to_json_safe = { place:, watch: config.watch }

    # Warns at the start that the data is not from etcd yet, or that the disk copy cannot be used later.
    def report_cache
      current = status
      return unless current.from_cache

      reason = current.last_error&.message || "etcd has not answered yet"
      time = current.synced_at || "an unknown time"
      warn_of("serving the copy on disk, last confirmed at #{time}: #{reason}")
    rescue StandardError
      nil
    end

    def warn_of(trouble) = event_log.write(:warn, trouble, subject: :start)

    # Warns once per process. Without a logger, only if Ruby shows deprecations.
    def warn_once(warning)
      return if WARNED[warning]

      WARNED[warning] = true
      config.logger ? warn_of(warning) : warn("etcd_discovery: #{warning}", category: :deprecated)
    end

    # Called by the extension at the first read after a fork, because `Process.daemon` bypasses
    # `Process._fork`.
    #
    # @return [Boolean] whether everything has started again; otherwise a later read tries
    def forked
      Dispatcher.revive
      Source::Follower.revive
      Events::LogThread.revive
      join_fleet
      true
    rescue ResourceExhaustedError
      false # a child at a limit can still read what it inherited
    end
  end
end
