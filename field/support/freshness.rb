# frozen_string_literal: true

module Field
  # Checks the promise of freshness: `stale?` is false while etcd answers, and true once it has not answered
  # for `max_staleness`. It reports what is wrong to `broken`.
  class Freshness
    # The tolerance in seconds for the transfer of an answer.
    MARGIN = 0.2
    # How many times an idle set-up is observed while the machine is too busy.
    TRIES = 3

    # @param etcd [Harness::EtcdServer]
    # @param reader [Reader]
    # @param plain [Reader] the plain set-up's reader; if its data is not confirmed in time either, the
    #   machine is too busy
    # @param limit [Numeric] the `max_staleness` of both
    # @param broken [#call] gets a sentence that says what is wrong
    def initialize(etcd, reader, plain, limit, broken)
      @etcd = etcd
      @reader = reader
      @plain = plain
      @limit = limit
      @broken = broken
    end

    # Checks the freshness after a put into both set-ups.
    #
    # @param own [Reader::Sighting]
    # @param plain [Reader::Sighting]
    def written(own, plain)
      return if !own.stale || @reported || busy?(plain.age)

      @reported = true
      @broken.call("stale, age #{own.age.round(1)} s, while puts were seen")
    end

    # Checks the age without any write in the ranges, for longer than the data may be unconfirmed.
    #
    # @return [Float] the greatest age
    def at_rest
      own = plain = nil
      TRIES.times do
        plain = @plain.watch_age(@limit + 1) { own = @reader.watch_age(@limit + 1) }
        break if own <= @limit || !busy?(plain)
      end
      @broken.call(format("stale without a reason, age %.1f s (plain: %.1f s)", own, plain)) if own > @limit
      own
    end

    # Checks a stopped etcd, whatever the proxy before it does.
    #
    # @return [Float] seconds from when it continued until the data was fresh
    def paused
      stopped = Harness.now
      @etcd.pause
      late = @reader.see_stale(true) - stopped - @limit
      @broken.call("not stale #{late.round(1)} s after max_staleness") if late > MARGIN
      continued = Harness.now
      @etcd.continue
      fresh = @reader.see_stale(false) - continued
      @etcd.await_health
      fresh
    end

    private

    def busy?(age) = age > @limit / 2.0
  end
end
