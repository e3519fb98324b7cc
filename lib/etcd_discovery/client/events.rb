# frozen_string_literal: true

module EtcdDiscovery
  # Being told of what happens.
  class Client
    # Calls the block for each event of the given names ({EventType::ALL}).
    #
    # All blocks of a process, those of {#on_change} too, are called on one Ruby thread. Events come in their
    # order; only `change` has an order of its own, that of revisions. What a block raises is logged and harms
    # nothing. While a block is slow at most 1,000 events wait for it, then the oldest give way, which is
    # logged. In a forked child subscriptions go on, on a thread of its own.
    #
    # Nothing is connected by this: of a client that is started later all is told.
    #
    # @example
    #   client.subscribe(:stale, :fresh) { |event| statsd.event("etcd #{event.name}") }
    # @param names [Array<Symbol>] without any, all events
    # @yieldparam event [Event]
    # @return [EventSubscription]
    # @raise [ArgumentError] for a name that there is not, and without a block
    def subscribe(*names, &block)
      raise ArgumentError, "subscribe needs a block" unless block

      names = names.empty? ? EventType::ALL.map(&:name) : names.map { |name| EventType[name].name }
      EventSubscription.new(self, names.freeze, block).tap do |subscription|
        audience << subscription
        Dispatcher.add(subscription)
        subscription.client.send(:observe_if_begun) # not always this one: it may have a successor
      end
    end

    private

    attr_reader :audience

    # From now on somebody looks after this client, if there is anybody to tell, or a block whose thread may
    # have to be started again. The extension calls this when a read starts the client. It must not keep a
    # client from starting.
    def observe
      late = @begun
      @begun = true
      return unless config.logger || audience.any? || subscriptions?

      look_out(late:)
      Observation::Observer.add(self)
      audience.follow_changes if ready?
    rescue StandardError => e
      complain(e)
    end

    def observe_if_begun
      observe if @begun
    end

    def observed_by(bell)
      return unless @begun

      look_out
      native_observe(bell)
    end

    # Whoever comes late is told of nothing that was before.
    def look_out(late: false)
      return if @lookout&.own?

      lookout = Observation::Lookout.new(self, inherited: !@lookout.nil?)
      lookout.overlook if late
      @lookout = lookout
    end

    # @return [Numeric, nil] seconds after which to look again
    def look
      audience.follow_changes if ready?
      @lookout&.look
    rescue StandardError => e
      # One client's trouble must not end the watch over the others.
      complain(e)
      config.max_staleness
    end

    def complain(error)
      Log.write(config.logger, :error,
                "etcd_discovery: cannot look after #{inspect}: #{error.class}: #{error.message}")
    rescue StandardError
      nil
    end

    # Tells of something that no status shows. Callable wherever a read is; never fails.
    def emit(name, **payload)
      return unless @lookout

      @lookout.note(name, payload)
      Observation::Observer.ring
    rescue StandardError
      nil
    end

    # The extension calls this once for each bad value that it meets.
    def report_invalid(key, revision, problem)
      emit(:invalid_value, key:, revision:, problem:)
    end
  end
end
