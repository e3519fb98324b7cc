# frozen_string_literal: true

module EtcdDiscovery
  # How a client fares, at the moment when it was asked.
  #
  # @example
  #   EtcdDiscovery.status.to_h
  #   # => {:state=>:watching, :revision=>1042, :age=>0.8, :stale=>false, …}
  class Status
    include JsonSafe

    # What a status tells, besides {#stale?} and {#watched}.
    FIELDS = %i[state revision size age synced_at reconnects relists resets last_error last_error_at endpoint
                server_version pid invalid_keys registrations from_cache cache_error
                audits divergences].freeze

    # @return [Symbol] `:watching` when all is well (`:idle` where nothing is watched); else `:stopped`,
    #   `:connecting`, `:listing`, `:verifying`, `:opening`, `:backoff` (waiting before the next attempt) or
    #   `:denied`; with a `source` in place of etcd `:offline`
    attr_reader :state
    # @return [Integer] revision of etcd that the local copy is of; 0 before the first
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
    # @return [Integer] how often the cluster's history turned out to be another one
    attr_reader :resets
    # @return [EtcdDiscovery::Error, nil] the last thing that went wrong; it stays after recovery, for whoever
    #   looks later: {#last_error_at} says when that was, and {#state} whether it still matters
    attr_reader :last_error
    # @return [Time, nil] when `last_error` happened; `nil` without one, and of an error of the copy on disk
    attr_reader :last_error_at
    # @return [String, nil] the member that is being watched
    attr_reader :endpoint
    # @return [String, nil] that member's version of etcd
    attr_reader :server_version
    # @return [Integer] the process that was asked
    attr_reader :pid
    # @return [Array<String>] keys whose values are bad for a typed read that this process made of them
    attr_reader :invalid_keys
    # @return [Array<Hash{Symbol => Object}>] what this process has announced, as {Registration#to_h} tells it
    attr_reader :registrations
    # @return [Boolean] whether the data is the copy on disk (`cache_path`), unconfirmed by etcd since
    attr_reader :from_cache
    # @return [EtcdDiscovery::CacheError, nil] why the copy on disk could not be read or written; `nil` while
    #   all is well with it, or there is to be none
    attr_reader :cache_error
    # @return [Integer] how often this process has compared its copy with etcd to the end (`audit_interval`)
    attr_reader :audits
    # @return [Integer] how many audits found a difference; it is mended then, and `last_error` tells of it
    attr_reader :divergences
    # @return [Array<String>] the keys and prefixes that are watched
    attr_reader :watched

    # @api private
    def initialize(fields, watched:, max_staleness:)
      FIELDS.each { |field| instance_variable_set("@#{field}", fields[field]) }
      # To the millisecond: `inspect` shows the rest as a fraction of large numbers.
      @synced_at = (Time.now - @age).round(3) if @age
      @last_error_at = (Time.now - fields[:last_error_age]).round(3) if fields[:last_error_age]
      @watched = watched
      @max_staleness = max_staleness
      freeze
    end

    # Whether etcd has not confirmed the data for longer than `max_staleness`. That nothing failed proves
    # nothing: only contact does. The copy on disk is always stale, however young; a client that watches
    # nothing has no data that could be.
    #
    # @param limit [Numeric] seconds, in place of `max_staleness`
    # @return [Boolean]
    def stale?(limit = @max_staleness)
      watched.any? && (@from_cache || @age.nil? || @age > limit)
    end

    # Whether etcd has lately confirmed what this client is for: the data, within `max_staleness`, and each of
    # its registrations, but for one that has only just begun. Where nothing is watched, there must be a
    # registration, and all must stand.
    #
    # @param limit [Numeric] seconds, in place of `max_staleness`
    # @return [Boolean]
    def healthy?(limit = @max_staleness)
      return !stale?(limit) && registrations.all? { |one| stands?(one) || begins?(one) } if watched.any?

      registrations.any? && registrations.all? { |one| stands?(one) }
    end

    # @return [Hash{Symbol => Object}] all of it, for a log line or a JSON body
    def to_h
      fields = FIELDS.to_h { |field| [field, public_send(field)] }
      errors = { last_error: last_error&.message, cache_error: cache_error&.message }
      fields.merge(errors, stale: stale?, watched:)
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{to_h.map { |field, value| "#{field}=#{value.inspect}" }.join(' ')}>"
    end

    private

    def stands?(registration) = registration[:state] == :registered

    # Not taken yet, and not refused either.
    def begins?(registration)
      registration[:state] == :registering && registration[:last_error].nil?
    end

    def to_json_safe = to_h
  end
end
