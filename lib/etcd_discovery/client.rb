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
  #
  #   Reads wait for the first snapshot once, until `boot_timeout` after the client began. Where etcd is away
  #   for longer, every read that has a default (also {#fetch} and the typed ones) gives it at once, and every
  #   other one raises at once, until etcd answers. A forked child does not wait again.
  #   @param key [String]
  #   @return [String, nil] the value, frozen and the same object until it changes (UTF-8 where its bytes
  #     are, else BINARY); `nil` when there is no such key
  #   @raise [UnwatchedKeyError] outside every watched range
  #   @raise [ConnectionError, AuthenticationError, PermissionError] when there is no first snapshot
  # @!method key?(key)
  #   @param key [String]
  #   @return [Boolean]
  #   @raise [UnwatchedKeyError] outside every watched range
  # @!method ready?
  #   @return [Boolean] whether there is a snapshot to read from; true of a client that watches nothing
  # @!method snapshot
  #   @return [Snapshot] all watched keys at one revision; within {#pin}, the pinned one
  # @!method pin
  #   Makes all reads of this client in the block see one revision: that of the first of them. It holds for
  #   the fiber that calls it, and not for threads and fibers started in the block.
  #   @example Two keys that belong together
  #     client.pin { [client["/db/host"], client["/db/password"]] }
  #   @yield once, without arguments
  #   @return [Object] what the block gives
  #
  # @!method json(key, default = nil)
  #   The value parsed as JSON: once for each change, and the same deeply frozen object until the next.
  #
  #   A bad value harms nothing: while one is in etcd, this and the other typed reads go on giving the last
  #   good one that was read in this process, the logger is warned once, and {Status#invalid_keys} names
  #   the key.
  #
  #   The last good value depends on what this process read, not on etcd's history alone. Until somebody puts
  #   a good value, workers may differ:
  #
  #   - A process that never read a good value of the key, with the same method, has none: it gives `default`
  #     or raises {ParseError}. A process that started later is one of these.
  #   - Processes that read at different times can have different ones.
  #   - A process forgets its last good value when it reads after the key is deleted. A key that is deleted
  #     and put again with no read in between keeps it.
  #   @example
  #     client.json("/config/limits")["upload"]  # => 1048576
  #   @param key [String]
  #   @param default [Object] for a key that is not there, or that is bad and was never good, and while there
  #     is no first snapshot
  #   @return [Hash, Array, String, Integer, Float, Boolean, nil] integers of any size; of keys that occur
  #     twice in an object the last one
  #   @raise [ParseError] for a bad value (also one nested deeper than 128) without a good one before it,
  #     and without `default`
  #   @raise [UnwatchedKeyError] outside every watched range
  # @!method integer(key, default = nil)
  #   The value as an integer, as Ruby's `Integer(text, 10)` reads it. Else as {#json}.
  #   @param key [String]
  #   @param default [Object]
  #   @return [Integer, Object, nil]
  #   @raise [ParseError, UnwatchedKeyError]
  # @!method float(key, default = nil)
  #   The value as a number, as Ruby's `Float(text)` reads it. Else as {#json}.
  #   @param key [String]
  #   @param default [Object]
  #   @return [Float, Object, nil]
  #   @raise [ParseError, UnwatchedKeyError]
  # @!method boolean(key, default = nil)
  #   Whether the value is `true`, `yes`, `on` or `1`, and not `false`, `no`, `off` or `0`, in upper or lower
  #   case. Else as {#json}.
  #   @param key [String]
  #   @param default [Object]
  #   @return [Boolean, Object, nil]
  #   @raise [ParseError, UnwatchedKeyError]
  # @!method list(key, default = nil)
  #   What stands between the commas or line breaks of the value, without white space around it and without
  #   what is empty. Every value is a good list.
  #   @param key [String]
  #   @param default [Object]
  #   @return [Array<String>, Object, nil] deeply frozen
  #   @raise [UnwatchedKeyError]
  # @!method duration(key, default = nil)
  #   The value as seconds: a plain number of them, or amounts with the units ns, us, ms, s, m, h and d.
  #   Else as {#json}.
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
    # @return [Source::File, nil] what is followed in place of etcd
    attr_reader :source

    # @param config [Configuration, nil] or, in its place, settings by name
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
      Fork.register(self)
      @config.warnings.each { |warning| warn_once(warning) }
    end

    # Warnings that this process has seen.
    WARNED = {} # rubocop:disable Style/MutableConstant
    private_constant :WARNED

    # Starts watching, and waits for the first complete snapshot. Does nothing when it is there already. A
    # client that watches nothing waits for nothing.
    # When etcd is away and there is a copy on disk (`cache_path`), that is served, and the logger is warned.
    #
    # @param timeout [Numeric] seconds to wait at most; `boot_timeout` when not given
    # @return [self]
    # @raise [ConnectionError, AuthenticationError, PermissionError] when there is none in time; the client
    #   goes on trying in the background, and reads do not wait for it again
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

    # Ends the connections. The last snapshot stays readable, and grows stale. What this process has
    # registered is deregistered.
    #
    # @return [self]
    def stop
      Registration.withdraw(registrations.to_a + leave_fleet, timeout: Registration::EXIT_PATIENCE)
      Source::Follower.remove(@source) if @source
      native_stop
      event_log.stopped
      self
    end

    # Watches again in a forked child, without listing again. What unicorn's `after_fork` calls; elsewhere,
    # or called twice, it does nothing.
    #
    # @return [self]
    def after_fork
      native_resume
      forget_inherited_work
      join_fleet
      self
    end

    # @param key [String]
    # @param default [Object] given back for a key that is not there, and while there is no first snapshot
    # @yieldparam key [String] called instead of `default`
    # @return [String, Object]
    # @raise [KeyError] when the key is not there, without default and block
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

    # @return [Boolean] whether etcd has confirmed the data within `max_staleness`, and has neither refused
    #   nor lost a registration; of a client that watches nothing: whether it has registered something, and
    #   all of it stands
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

    # Nothing that would have to be waited for.
    def to_json_safe = { place:, watch: config.watch }

    # Whoever starts must learn that this is not etcd's word, or that there would be nothing to fall back on.
    def report_cache
      told = status
      return unless told.from_cache

      reason = told.last_error&.message || "etcd has not answered yet"
      warn_of("serving the copy on disk, last confirmed at #{told.synced_at || 'an unknown time'}: #{reason}")
    rescue StandardError
      nil
    end

    def warn_of(trouble) = event_log.write(:warn, trouble, subject: :start)

    # Once in the life of the process. Without a logger, only where Ruby shows deprecations.
    def warn_once(warning)
      return if WARNED[warning]

      WARNED[warning] = true
      config.logger ? warn_of(warning) : warn("etcd_discovery: #{warning}", category: :deprecated)
    end

    # The extension calls this at the first read after a fork: `Process.daemon` does not go through
    # `Process._fork`.
    #
    # @return [Boolean] whether all has begun again; else a later read tries
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
