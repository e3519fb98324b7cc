# frozen_string_literal: true

require_relative "rollout/check"
require_relative "rollout/lease"
require_relative "rollout/overrides"
require_relative "rollout/plan"
require_relative "rollout/progress"

module EtcdDiscovery
  # Rolls a value out over the hosts of a fleet, some at a time, and takes it back by itself when something is
  # wrong.
  #
  # Each step overrides the name in the layers of some more hosts, under one lease that this process keeps
  # alive; waits until every process of these hosts has it; pauses; and runs the check. When a step fails, the
  # call is interrupted, or this process or its machine dies, the lease ends, and etcd deletes the overrides:
  # every host has its old value again. After the last step one transaction writes the value into
  # the layer of the environment, and the overrides go.
  #
  # @example
  #   rollout = EtcdDiscovery::Rollout.new("checkout/limit", "50", steps: [1, "10%", :all], pause: 30,
  #                                        check: -> { error_rate < 0.01 })
  #   rollout.run { |progress| puts progress }
  class Rollout
    # Seconds between two looks whether the lease stands.
    TURN = 0.1
    private_constant :TURN

    # @param name [String] as it is read, without the prefix of a layer: `checkout/limit`
    # @param value [String]
    # @param steps [Array<Integer, String, Symbol>] how many hosts have it after each step: a number, a share
    #   such as `"10%"`, or `:all`, which comes last
    # @param pause [Numeric] seconds to wait after each step before the check
    # @param check [#call, nil] returns whether all is well; it gets the {Progress} of the step if it takes an
    #   argument
    # @param client [Client] the default client when not given
    # @param fleet [Fleet] that of the client when not given
    # @param layer [String, nil] the layer that is written at the end; without it, the first one that all
    #   hosts have below their own
    # @param timeout [Numeric] seconds that the processes of the hosts have to show each change
    # @param ttl [Integer] seconds after which the hosts revert when this process dies
    # @param by [String, nil] who, for the change log
    # @param note [String, nil] why, for the change log
    # @raise [ArgumentError] for steps that make no sense
    # @raise [ConfigurationError] without a fleet
    # @raise [InvalidValueError] for a value that a declared setting ({Settings}) does not take
    def initialize(name, value, steps: [1, "10%", :all], pause: 30, check: nil, client: EtcdDiscovery.client,
                   fleet: client.fleet, layer: nil, timeout: 5, ttl: 10, by: nil, note: nil)
      @name = Plan.check_name(name)
      raise TypeError, "expected a String, got #{value.class}" unless value.is_a?(String)

      Settings::TextCheck.check(@name, value, client.config.layers)
      @value = value
      @steps = Plan.check_steps(steps)
      @pause = Float(pause)
      @check = check
      @client = client
      @fleet = fleet
      @layer = layer
      @timeout = Float(timeout)
      @ttl = Lease.check(ttl)
      @why = { by:, note: }
    end

    # Does it. Returns when the value is in the environment's layer and the overrides are gone.
    #
    # @yieldparam progress [Progress] what was done, as it goes on
    # @return [Integer] the revision at which the environment's layer was written
    # @raise [RolloutError] when a step failed: every host has its old value again
    # @raise [ConfigurationError] when the hosts have no layers of their own: nothing was written
    # @raise [ConflictError] when a key stands in the way: nothing was written
    # @raise [RegistrationError] when etcd does not take the lease: nothing was written
    # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
    def run(&block)
      @listener = block
      @plan = Plan.new(@fleet.members, @name, @steps, layer: @layer)
      @overrides = Overrides.new(@client, @plan, @name, @value, @why)
      @lease = Lease.new(@client, @fleet.prefix, @ttl, name: @name, by: @why[:by])
      go.tap { |revision| tell(:awaited, report: @fleet.await(revision, timeout: @timeout)) }
    end

    # @return [String] without the value
    def inspect = "#<#{self.class} #{@name}>"

    private

    def go
      @plan.steps.each.with_index(1) { |hosts, number| step(hosts, number) }
      revision = commit
      @done = true
      revision
    ensure
      released = @lease.release
      tell(:reverted, hosts: @overrides.hosts, released:) if !@done && @overrides.hosts.any?
    end

    def step(hosts, number)
      @hosts = hosts
      @progress = { step: number, steps: @plan.steps.size, of: @plan.hosts.size }
      revision = @overrides.add(hosts - @overrides.hosts, @lease.id)
      tell(:overridden, hosts:, revision:)
      tell(:awaited, report: await(revision))
      pause
      check
      @lease.hold!
    rescue RolloutError
      raise
    rescue LeaseLost, Error => e
      fail!(e.message)
    end

    def await(revision)
      report = @fleet.await(revision, timeout: @timeout)
      missing = report.missing.select { |answer| @hosts.include?(answer.host) }
      fail!("not every process has it: #{missing.first(5).join(', ')}") if missing.any?
      silent = @hosts - report.reached.map(&:host)
      fail!("no process is left on #{silent.first(5).join(', ')}") if silent.any?
      report
    end

    def pause
      tell(:pausing, seconds: @pause)
      deadline = Client.now + @pause
      while (left = deadline - Client.now).positive?
        @lease.hold!
        sleep [left, TURN].min
      end
    end

    def check
      return if @check.nil?

      progress = progress(:checking, hosts: @hosts)
      passed = @check.respond_to?(:arity) && @check.arity.zero? ? @check.call : @check.call(progress)
      fail!(@check.respond_to?(:problem) ? @check.problem : "the check failed") unless passed
      tell(:checked)
    end

    def commit
      revision = @overrides.commit
      tell(:written, revision:, key: @plan.target)
      revision
    rescue ConflictError => e
      fail!(e.message)
    rescue ConnectionError => e
      raise RolloutError.new("whether #{@plan.target} was written is unknown (#{e.message}): read it; the " \
                             "overrides of the hosts end#{@lease.when_reverted}", key: @plan.target)
    end

    def fail!(problem)
      raise RolloutError.new("the rollout of #{@name} was stopped: #{problem}; every host gets its old " \
                             "value back#{@lease.when_reverted}", key: @name)
    end

    def progress(stage, **details) = Progress.new(stage, name: @name, **@progress.to_h, **details)

    def tell(stage, **details) = @listener&.call(progress(stage, **details))
  end
end
