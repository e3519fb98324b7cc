# frozen_string_literal: true

module EtcdDiscovery
  # An instance that this process has announced.
  #
  # Its key is in etcd under a lease that a native thread keeps alive, whatever Ruby does meanwhile. If the
  # lease expires, is revoked or cannot be renewed, or if someone deletes the key, the thread registers it
  # again.
  #
  # It belongs to the process that made it. In a forked child it does nothing, whatever is called there.
  #
  # @example
  #   registration = EtcdDiscovery.register("b", "10.1.1.60:8081", id: "web-1", ttl: 10)
  #   registration.wait(timeout: 5)   # optional: registering continues in the background
  #   registration.state              # => :registered
  #   registration.deregister         # => true; also done at exit
  #
  # @!method owned?
  #   @return [Boolean] whether this process made it; false in a forked child
  class Registration
    include ProcessBound

    # Maximum seconds that an ending process waits until etcd has confirmed the deregistrations.
    EXIT_PATIENCE = 1.0

    # @return [Instance] the announced instance
    attr_reader :instance
    # @return [Integer] seconds that etcd keeps it after the last heartbeat, as requested
    attr_reader :ttl

    # @return [Symbol] one of
    #
    #   - `:registering`: not in etcd yet
    #   - `:registered`: the key is in etcd under this registration's lease, now or within the last TTL
    #   - `:lost`: it was registered and is being registered again, or a newer registration of the same
    #     instance replaced it; in a forked child always
    #   - `:deregistered`
    def state
      native_state.to_sym
    end

    # @return [String, nil] the key in etcd; `nil` while it depends on a lease that does not exist yet
    def key
      native_key || @key
    end

    # @return [Integer, nil] the id of the lease, while there is one
    def lease
      report[:lease]
    end

    # @return [EtcdDiscovery::Error, nil] the last error; it stays after recovery
    def last_error
      report[:last_error]
    end

    # Waits until etcd has the registration. The wait can be interrupted and lets other threads run.
    #
    # @param timeout [Numeric] seconds
    # @return [self]
    # @raise [RegistrationError] when it is not registered in time, with the reason; it keeps trying
    def wait(timeout: 5)
      return self if native_wait_registered(Float(timeout))

      reason = last_error&.message || "no answer from etcd"
      raise RegistrationError.new("#{key} is not registered after #{timeout} s: #{reason}; " \
                                  "retrying in the background", endpoint: last_error&.endpoint, key:)
    end

    # Shows that the application is alive, if `liveness:` is a number of seconds.
    #
    # Without a call for that long, the heartbeat stops until the next call. It costs next to nothing; call it
    # in every turn of the main loop.
    #
    # @return [void]
    def touch
      native_touch
    end

    # Revokes the lease of this registration, which deletes the key if it is still under that lease.
    #
    # A newer registration of the same instance, by any process, stays.
    #
    # @param timeout [Numeric] maximum seconds to wait for etcd
    # @return [Boolean] whether etcd has confirmed it; if not, the lease expires by itself within the TTL
    def deregister(timeout: 3)
      @probe&.stop
      native_deregister
      native_wait_withdrawn(Float(timeout)).tap { @on_end&.call(self) }
    end

    # @return [Hash{Symbol => Object}] for a log line or a JSON body
    def to_h
      { key:, address: instance.address, state:, lease:, ttl:, renewals: report[:renewals],
        last_error: last_error&.message }
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{key} #{instance.address} #{state}>"
    end

    # @api private
    def setup(instance, key, ttl, probe, &on_end)
      @instance = instance
      @key = key
      @ttl = ttl
      @probe = probe
      @on_end = on_end
      probe&.start(self)
      self
    rescue Error
      deregister(timeout: 0) # the caller never gets it, so it must not stay in etcd
      raise
    end

    # @api private
    # Deregisters all of them at once, and waits for all together.
    def self.withdraw(registrations, timeout:)
      deadline = Client.now + timeout
      # Asks for all deregistrations before it waits for one.
      registrations.each { |registration| registration.deregister(timeout: 0) }
      registrations.each do |registration| # rubocop:disable Style/CombinableLoops
        left = deadline - Client.now
        registration.deregister(timeout: [left, 0].max)
      end
    end

    private

    def to_json_safe = to_h

    def report
      native_report || {}
    end
  end
end
