# frozen_string_literal: true

require_relative "service/health"
require_relative "service/marks"
require_relative "service/options"
require_relative "service/reader"
require_relative "service/strategies"

module EtcdDiscovery
  # The instances of one service, from local memory. Safe to use from many threads.
  #
  # Once the client has its first snapshot, no call here waits for the network.
  #
  # @example
  #   payments = EtcdDiscovery.service("payments", keep_last: 60)
  #   payments.addresses                      # => ["10.1.1.60:8081", "10.1.1.61:8081"]
  #   payments.pick                           # => #<EtcdDiscovery::Instance 10.1.1.60:8081>
  #   payments.with { |instance| call(instance.address) }   # avoids busy and failing instances
  class Service
    include ProcessBound

    # An event of a service. The `type` is one of
    #
    # - `:emptied`: no instance is left
    # - `:kept`: no instance is left, and the last list stays in use
    # - `:released`: the last list is no longer used
    # - `:rejected`: a value could not be read
    # - `:ejected`, `:restored`: an instance was ejected or restored
    Event = Struct.new(:type, :service, :message, keyword_init: true) do
      include JsonSafe

      private

      def to_json_safe = to_h
    end

    # @return [String] the name, as requested
    attr_reader :name

    # @param client [Client]
    # @param name [String] a name, which is placed under `/service/`, or a key or prefix with a slash in it
    # @param options [Hash{Symbol => Object}]
    # @option options [Symbol, Formats::Format] :format the format of the values; by default `:detect`
    # @option options [Numeric] :keep_last how many seconds the last non-empty list stays in use after the
    #   list becomes empty; 0 (the default): not at all
    # @option options [Integer] :eject_after failures in a row after which {#with} ejects an instance; 5
    # @option options [Numeric] :eject_for seconds of the ejection, doubled after each further failure (up to
    #   32 times as long); 5
    # @option options [Array<Class>] :fail_on exceptions that count as a failure of the instance;
    #   `[StandardError]`
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

    # All instances in key order, which is the same in every process.
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

    # The values that could not be read. Their instances are skipped.
    #
    # @return [Hash{String => String}] keys and reasons
    def rejected
      @lock.synchronize do
        @reader.instances
        @reader.rejected
      end
    end

    # @return [Boolean] whether the actual list is empty, and the last one is used instead
    def kept?
      @lock.synchronize do
        @reader.instances
        @reader.kept?
      end
    end

    # Picks one instance. Instances ejected by {#with} are skipped, unless there is no other.
    #
    # @param strategy [Symbol] `:round_robin`, `:random`, `:weighted` (random, by weight) or `:least_loaded`
    #   (of two random ones, the one with less work under way in {#with}, relative to its weight)
    # @return [Instance, nil] `nil` when there is none
    # @raise [ConfigurationError] for an unknown strategy
    # @raise [UnwatchedKeyError]
    def pick(strategy = :round_robin)
      @lock.synchronize { choose(strategy, @health.admitted(@reader.instances)) }
    end

    # Runs the block with an instance, and learns from its success or failure.
    #
    # @param strategy [Symbol] as for {#pick}
    # @yieldparam instance [Instance]
    # @return [Object] what the block returns
    # @raise [NoInstanceError] when there is none
    # @raise [UnwatchedKeyError]
    def with(strategy = :least_loaded)
      instance = begin_with(strategy)
      outcome = :unknown # a `break`, a `throw` or a kill says nothing about the instance
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
    # @return [Integer] how much of this process's work is under way with it in {#with}
    def in_flight(instance)
      @lock.synchronize { @health.in_flight(instance) }
    end

    # @return [Array<Instance>] the instances that are currently skipped because they kept failing
    def ejected
      @lock.synchronize { @health.ejected(@reader.instances) }
    end

    # Calls the block for each {Event}, on the thread that calls the blocks of {Client#subscribe}.
    #
    # Errors raised by the block are logged and do no harm. The client's logger and subscribers of the
    # client's `service` events receive the same events.
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
    # Work in progress belongs to the parent process.
    def after_fork
      @lock = Lock.new
      @health.forget_work
    end

    private

    # Leaves out the instances: finding them may block or raise.
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
