# frozen_string_literal: true

module EtcdDiscovery
  # Subscriptions to events.
  class Client
    # Calls the block for each event of the given names ({EventType::ALL}).
    #
    # All blocks of a process, including those of {#on_change}, are called on one Ruby thread. Events come in
    # their order; only `change` follows the order of revisions instead. Errors raised by a block are logged
    # and do no harm. While blocks are slow, the last 1,000 events of the process wait; older ones are
    # dropped, which is logged. In a forked child subscriptions continue on a thread of the child.
    #
    # This connects nothing. A client that starts later reports everything from its start.
    #
    # @example
    #   client.subscribe(:stale, :fresh) { |event| statsd.event("etcd #{event.name}") }
    # @param names [Array<Symbol>] without any, all events
    # @yieldparam event [Event]
    # @return [EventSubscription]
    # @raise [ArgumentError] for an unknown name, and without a block
    def subscribe(*names, &block)
      raise ArgumentError, "subscribe needs a block" unless block

      names = names.empty? ? EventType::ALL.map(&:name) : names.map { |name| EventType[name].name }
      enter(EventSubscription.new(self, names.freeze, block))
    end

    # @api private
    # @return [Events::EventLogger] for every line about this client
    attr_reader :event_log

    # Starts logging this client's events, and passes them on if anything listens. Every call that starts the
    # client calls this, including a read in the extension, so it must not fail.
    #
    # @api private
    def observe
      join_fleet
      return unless config.logger || notifications || subscriptions?

      Events::LogThread.add(self)
      notifications&.follow
      follow_changes
    rescue StandardError => e
      complain(e)
    end

    # Called by {Events::LogThread}.
    #
    # @api private
    # @return [Numeric, nil] seconds after which to call it again
    def catch_up_with_events
      notifications&.follow
      follow_changes
      event_log.catch_up
    rescue StandardError => e
      # An error of one client must not end the thread, which serves all clients.
      complain(e)
    end

    # @api private
    # @return [EventSubscription] to events about the instances of one {Service} object
    def subscribe_to_service(service, &block)
      enter(EventSubscription.new(self, %i[service].freeze, block, origin: service.object_id))
    end

    # @api private
    def notify_service(service, type, message)
      native_notify_service(service.object_id, service.name, type.to_s, message)
      observe
    end

    private

    def enter(subscription)
      Dispatcher.add(subscription)
      subscription.client.observe # not always this one: it may have a successor
      subscription
    end

    # Evaluated late, because ActiveSupport may be loaded after the client was created.
    def notifications
      @notifications ||= (Events::Notifications.new(self) if Events::Notifications.available?)
    end

    def follow_changes
      return unless ready?

      [*event_subscriptions.keys, *notifications].uniq.each(&:follow_changes)
    end

    # Starts no thread for a line that is held back, because starting a thread may be what failed.
    def complain(error)
      event_log.write(:error, "cannot process events of #{inspect}: #{error.class}: #{error.message}",
                      subject: :internal, wake: false)
    end
  end
end
