# frozen_string_literal: true

module EtcdDiscovery
  # How a client fares, at the moment when it was asked.
  #
  # @example
  #   EtcdDiscovery.status.to_h
  #   # => {:state=>:watching, :revision=>1042, :age=>0.8, :stale=>false, …}
  class Status
    # What a status tells, besides {#stale?} and {#watched}.
    FIELDS = %i[state revision size age synced_at reconnects relists resets last_error endpoint
                server_version pid].freeze

    # @!attribute [r] state
    #   @return [Symbol] `:watching` when all is well; else `:stopped`, `:connecting`, `:listing`,
    #     `:verifying`, `:opening`, `:backoff` (waiting before the next attempt) or `:denied`
    # @!attribute [r] revision
    #   @return [Integer] revision of etcd that the local copy is of; 0 before the first
    # @!attribute [r] size
    #   @return [Integer] number of keys held
    # @!attribute [r] age
    #   @return [Float, nil] seconds since etcd last confirmed the data; `nil` if it never did
    # @!attribute [r] synced_at
    #   @return [Time, nil] when etcd last confirmed the data
    # @!attribute [r] reconnects
    #   @return [Integer] connections made after the first, in this process
    # @!attribute [r] relists
    #   @return [Integer] full listings after the first, in this process
    # @!attribute [r] resets
    #   @return [Integer] how often the cluster's history turned out to be another one
    # @!attribute [r] last_error
    #   @return [EtcdDiscovery::Error, nil] the last thing that went wrong; it stays after recovery
    # @!attribute [r] endpoint
    #   @return [String, nil] the member that is being watched
    # @!attribute [r] server_version
    #   @return [String, nil] that member's version of etcd
    # @!attribute [r] pid
    #   @return [Integer] the process that was asked
    attr_reader(*FIELDS)

    # @return [Array<String>] the keys and prefixes that are watched
    attr_reader :watched

    # @api private
    def initialize(fields, watched:, max_staleness:)
      FIELDS.each { |field| instance_variable_set("@#{field}", fields[field]) }
      @synced_at = Time.now - @age if @age
      @watched = watched
      @max_staleness = max_staleness
      freeze
    end

    # Whether etcd has not confirmed the data for longer than `max_staleness`. That nothing failed proves
    # nothing: only contact does.
    #
    # @return [Boolean]
    def stale?
      @age.nil? || @age > @max_staleness
    end

    # @return [Hash{Symbol => Object}] all of it, for a log line or a JSON body
    def to_h
      fields = FIELDS.to_h { |field| [field, public_send(field)] }
      fields.merge(last_error: last_error&.message, stale: stale?, watched: watched)
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{to_h.map { |field, value| "#{field}=#{value.inspect}" }.join(' ')}>"
    end
  end
end
