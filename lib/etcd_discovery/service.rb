# frozen_string_literal: true

require_relative "service/health"
require_relative "service/marks"
require_relative "service/options"
require_relative "service/reader"
require_relative "service/strategies"

module EtcdDiscovery
  # The instances of one service, from local memory: no call here waits for the network, once the client has
  # its first snapshot. Safe from many threads.
  #
  # @example
  #   payments = EtcdDiscovery.service("payments", keep_last: 60)
  #   payments.addresses                      # => ["10.1.1.60:8081", "10.1.1.61:8081"]
  #   payments.pick                           # => #<EtcdDiscovery::Instance 10.1.1.60:8081>
  #   payments.with { |instance| call(instance.address) }   # avoids who is busy, and who keeps failing
  class Service
    include ProcessBound

    # Something that happened to a service. `type` is `:emptied` (no instance is left), `:kept` (the same, and
    # the last list is held back), `:released` (it is not held any longer), `:rejected` (a value could not be
    # read), `:ejected` or `:restored` (an instance).
    Event = Struct.new(:type, :service, :message, keyword_init: true) do
      include JsonSafe

      private

      def to_json_safe = to_h
    end

    # @return [String] as it was asked for
    attr_reader :name

    # @param client [Client]
    # @param name [String] a name, which stands under `/service/`, or a key or prefix with a slash in it
    # @param options [Hash{Symbol => Object}]
    # @option options [Symbol, Formats::Format] :format of the values; `:detect`, which tells it by the value
    # @option options [Numeric] :keep_last seconds for which the last list that was not empty stays in force
    #   when the list becomes empty; 0: not at all
    # @option options [Integer] :eject_after failures in a row after which {#with} leaves an instance alone; 5
    # @option options [Numeric] :eject_for seconds for which it does, twice as long after each further failure
    #   (at most 32 times as long); 5
    # @option options [Array<Class>] :fail_on what counts as a failure of the instance; `[StandardError]`
    # @raise [ConfigurationError] for a wrong option
    def initialize(client, name, **options)
      Instance.check_service(name)
      @name = name
      @options = Options.new(**options)
      @client = client
      @lock = Lock.new
      @reader = Reader.new(client, name, @options) { |type, message| report(type, message) }
      @health = Health.new(@options) { |type, message| report(type, message) }
      @turn = rand(1 << 16)
    end

    # All instances, in the order of their keys: the same in every process.
    #
    # @return [Array<Instance>] frozen, the same object until something changes
    # @raise [UnwatchedKeyError] when the keys of the service are not watched
    def instances
      @lock.synchronize { @reader.instances }
    end

    # @return [Array<String>] their addresses, in the same order
    # @raise [UnwatchedKeyError]
    def addresses
      instances.map(&:address)
    end

    # The values that could not be read; their instances are left out.
    #
    # @return [Hash{String => String}] keys and reasons
    def rejected
      @lock.synchronize do
        @reader.instances
        @reader.rejected
      end
    end

    # @return [Boolean] whether the list is really empty, and the last one is held in its place
    def kept?
      @lock.synchronize do
        @reader.instances
        @reader.kept?
      end
    end

    # One instance. Those that {#with} has ejected are left out, unless there is no other.
    #
    # @param strategy [Symbol] `:round_robin`, `:random`, `:weighted` (at random, by weight) or
    #   `:least_loaded` (of two at random the one with less work under way by {#with}, for its weight)
    # @return [Instance, nil] `nil` when there is none
    # @raise [ConfigurationError] for an unknown strategy
    # @raise [UnwatchedKeyError]
    def pick(strategy = :round_robin)
      @lock.synchronize { choose(strategy, @health.admitted(@reader.instances)) }
    end

    # Runs the block with an instance, and learns from what becomes of it.
    #
    # @param strategy [Symbol] as for {#pick}
    # @yieldparam instance [Instance]
    # @return [Object] what the block returns
    # @raise [NoInstanceError] when there is none
    # @raise [UnwatchedKeyError]
    def with(strategy = :least_loaded)
      instance = begin_with(strategy)
      outcome = :unknown # a `break`, a `throw`, a kill: they say nothing of the instance
      begin
        result = yield instance
        outcome = :well
        result
      rescue *@options.fail_on
        outcome = :failed
        raise
      ensure
        @lock.synchronize { @health.finished(instance, outcome) }
      end
    end

    # @param instance [Instance]
    # @return [Integer] how much work is under way with it by {#with}, in this process
    def in_flight(instance)
      @lock.synchronize { @health.in_flight(instance) }
    end

    # @return [Array<Instance>] those that are left alone for now, since they kept failing
    def ejected
      @lock.synchronize { @health.ejected(@reader.instances) }
    end

    # Calls the block for each {Event}, on the thread that calls the blocks of {Client#subscribe}. What it
    # raises is logged, and harms nothing. The same goes to the client's logger, and to subscribers of the
    # client's `service` events.
    #
    # @yieldparam event [Event]
    # @return [self]
    def on_event
      raise ArgumentError, "on_event needs a block" unless block_given?

      @client.subscribe_to_service(self) do |event|
        yield Event.new(type: event[:type], service: name, message: event[:message]).freeze
      end
      self
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{name}>"
    end

    # @api private
    # The work under way is the parent's.
    def after_fork
      @lock = Lock.new
      @health.forget_work
    end

    private

    # A reader of JSON asks for no instances: looking for them may wait, or raise.
    def to_json_safe = { name: }

    def begin_with(strategy)
      @lock.synchronize do
        instance = choose(strategy, @health.admitted(@reader.instances))
        raise NoInstanceError.new("#{name} has no instance", key: @reader.base) unless instance

        @health.began(instance)
        instance
      end
    end

    def choose(strategy, instances)
      @turn += 1
      Strategies.choose(strategy, instances, @turn) { |instance| @health.in_flight(instance) }
    end

    def report(type, message)
      @client.notify_service(self, type, message)
    end
  end
end
