# frozen_string_literal: true

module EtcdDiscovery
  # An instance that this process has announced: its key is in etcd under a lease that a native thread keeps
  # alive, whatever Ruby does meanwhile. A lease that expires, is revoked or cut off, and a key that somebody
  # deletes, are made anew, for ever.
  #
  # It belongs to the process that made it: in a forked child it does nothing, whatever is called there.
  #
  # @example
  #   registration = EtcdDiscovery.register("b", "10.1.1.60:8081", id: "web-1", ttl: 10)
  #   registration.wait(timeout: 5)   # optional: registering goes on in the background
  #   registration.state              # => :registered
  #   registration.deregister         # => true; also done at exit
  #
  # @!method owned?
  #   @return [Boolean] whether this process made it; false in a forked child
  class Registration
    include ProcessBound

    # Seconds that a process waits at its end for etcd to take the deregistrations.
    EXIT_PATIENCE = 1.0

    # @return [Instance] what is announced
    attr_reader :instance
    # @return [Integer] seconds that etcd keeps it after the last heartbeat, as asked for
    attr_reader :ttl

    # @return [Symbol] `:registering` (not in etcd yet), `:registered` (the key is there under our live
    #   lease; true now, or within the last TTL), `:lost` (it was, and is being registered again; or a newer
    #   registration of the same instance took its place; in a forked child always) or `:deregistered`
    def state
      native_state.to_sym
    end

    # @return [String, nil] the key in etcd; `nil` while it depends on a lease that there is not yet
    def key
      native_key || @key
    end

    # @return [Integer, nil] the id of the lease, while there is one
    def lease
      report[:lease]
    end

    # @return [EtcdDiscovery::Error, nil] the last thing that went wrong; it stays after recovery
    def last_error
      report[:last_error]
    end

    # Waits until etcd has the registration. The wait can be interrupted, and lets other threads run.
    #
    # @param timeout [Numeric] seconds
    # @return [self]
    # @raise [RegistrationError] when it is not registered in time, with the reason; it goes on trying
    def wait(timeout: 5)
      return self if native_wait_registered(Float(timeout))

      reason = last_error&.message || "no answer from etcd"
      raise RegistrationError.new("#{key} is not registered after #{timeout} s: #{reason}; " \
                                  "retrying in the background", endpoint: last_error&.endpoint, key:)
    end

    # Shows that the application is alive, where `liveness:` is a number of seconds: without such a sign for
    # that long, the heartbeat stops until the next one. Costs next to nothing; call it in every turn of the
    # main loop.
    #
    # @return [void]
    def touch
      native_touch
    end

    # Revokes the lease of this registration, and with it the key if it is still under it. A newer
    # registration of the same instance, by whomever, stays.
    #
    # @param timeout [Numeric] seconds to wait for etcd at most
    # @return [Boolean] whether etcd knows; if not, the lease runs out by itself within the TTL
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
      deregister(timeout: 0) # what its caller does not get must not stand in etcd
      raise
    end

    # @api private
    # Deregisters all of them at once, and waits for all together.
    def self.withdraw(registrations, timeout:)
      deadline = Client.now + timeout
      # All are asked before one is waited for.
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
