# frozen_string_literal: true

module EtcdDiscovery
  # The state of a client at the moment of the call.
  #
  # @example
  #   EtcdDiscovery.status.to_h
  #   # => {:state=>:watching, :revision=>1042, :age=>0.8, :stale=>false, …}
  class Status
    include JsonSafe

    # The fields of a status, besides {#stale?} and {#watched}.
    FIELDS = %i[state revision size age synced_at reconnects relists resets last_error last_error_at endpoint
                server_version pid invalid_keys registrations from_cache cache_error
                audits divergences role leader_pid host_copy_error].freeze

    # @return [Symbol] `:watching` in normal operation (`:idle` if nothing is watched); otherwise `:stopped`,
    #   `:connecting`, `:listing`, `:verifying`, `:opening`, `:backoff` (waiting before the next attempt) or
    #   `:denied`; with a `source` instead of etcd `:offline`
    attr_reader :state
    # @return [Integer] the local copy's revision of etcd; 0 before the first
    attr_reader :revision
    # @return [Integer] number of keys held
    attr_reader :size
    # @return [Float, nil] seconds since etcd last confirmed the data; `nil` if it never did
    attr_reader :age
    # @return [Time, nil] when etcd last confirmed the data
    attr_reader :synced_at
    # @return [Integer] connections made after the first, in this process
    attr_reader :reconnects
    # @return [Integer] full listings after the first, in this process
    attr_reader :relists
    # @return [Integer] how often the cluster's history changed to a different one
    attr_reader :resets
    # @return [EtcdDiscovery::Error, nil] the last error; it stays after recovery. {#last_error_at} tells when
    #   it happened, and {#state} whether it still matters
    attr_reader :last_error
    # @return [Time, nil] when `last_error` happened; `nil` without one, and for an error of the disk copy
    attr_reader :last_error_at
    # @return [String, nil] the connected member
    attr_reader :endpoint
    # @return [String, nil] that member's version of etcd
    attr_reader :server_version
    # @return [Integer] the process that this status is of
    attr_reader :pid
    # @return [Array<String>] keys whose values were bad for a typed read of this process
    attr_reader :invalid_keys
    # @return [Array<Hash{Symbol => Object}>] this process's registrations, as {Registration#to_h}
    attr_reader :registrations
    # @return [Boolean] whether the data is the disk copy (`cache_path`), not confirmed by etcd since
    attr_reader :from_cache
    # @return [EtcdDiscovery::CacheError, nil] why the disk copy could not be read or written; `nil` if it
    #   works or is not used
    attr_reader :cache_error
    # @return [Integer] how many audits this process has completed (`audit_interval`)
    attr_reader :audits
    # @return [Integer] how many audits found a difference; it is repaired, and `last_error` reports it
    attr_reader :divergences
    # @return [Symbol, nil] with `host_copy`, what this process does for its host: `:leader` (follows etcd for
    #   all), `:follower` (reads what the leader publishes), `:orphan` (follows etcd by itself, until there is
    #   a leader to rely on), `:seeking` or `:stopped`; otherwise `nil`
    attr_reader :role
    # @return [Integer, nil] the process that follows etcd for this host
    attr_reader :leader_pid
    # @return [EtcdDiscovery::CacheError, nil] why this process follows etcd by itself, or leads and cannot
    #   publish; `nil` if it shares its host's copy, or was not asked to
    attr_reader :host_copy_error
    # @return [Array<String>] the keys and prefixes that are watched
    attr_reader :watched

    # @api private
    def initialize(fields, watched:, max_staleness:)
      FIELDS.each { |field| instance_variable_set("@#{field}", fields[field]) }
      # Rounded to the millisecond, because `inspect` shows the rest as a fraction of large numbers.
      @synced_at = (Time.now - @age).round(3) if @age
      @last_error_at = (Time.now - fields[:last_error_age]).round(3) if fields[:last_error_age]
      @watched = watched
      @max_staleness = max_staleness
      freeze
    end

    # Whether etcd has not confirmed the data for longer than `max_staleness`.
    #
    # The absence of errors proves nothing; only contact does. The disk copy is always stale, however young. A
    # client that watches nothing has no data that could be stale.
    #
    # @param limit [Numeric] seconds, instead of `max_staleness`
    # @return [Boolean]
    def stale?(limit = @max_staleness)
      watched.any? && (@from_cache || @age.nil? || @age > limit)
    end

    # Whether etcd has confirmed the data within `max_staleness`, and each registration.
    #
    # A registration that has only just started does not count. A client that watches nothing must have at
    # least one registration, and all must be in etcd.
    #
    # @param limit [Numeric] seconds, instead of `max_staleness`
    # @return [Boolean]
    def healthy?(limit = @max_staleness)
      return !stale?(limit) && registrations.all? { |one| stands?(one) || begins?(one) } if watched.any?

      registrations.any? && registrations.all? { |one| stands?(one) }
    end

    # @return [Hash{Symbol => Object}] all fields, for a log line or a JSON body
    def to_h
      fields = FIELDS.to_h { |field| [field, public_send(field)] }
      errors = { last_error: last_error&.message, cache_error: cache_error&.message,
                 host_copy_error: host_copy_error&.message }
      fields.merge(errors, stale: stale?, watched:)
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{to_h.map { |field, value| "#{field}=#{value.inspect}" }.join(' ')}>"
    end

    private

    def stands?(registration) = registration[:state] == :registered

    # Not registered yet, and not refused either.
    def begins?(registration)
      registration[:state] == :registering && registration[:last_error].nil?
    end

    def to_json_safe = to_h
  end
end
