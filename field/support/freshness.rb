# frozen_string_literal: true

module Field
  # Holds a reader to the promise of freshness: `stale?` is false while etcd answers, and true when it has not
  # answered for `max_staleness`. What is wrong goes to `broken`.
  class Freshness
    # Seconds by which clocks may differ on the way of an answer.
    MARGIN = 0.2
    # How often a set-up at rest is looked at, on a machine that is too busy for any.
    TRIES = 3

    # @param etcd [Harness::EtcdServer]
    # @param reader [Reader]
    # @param plain [Reader] of the plain set-up: where its data is not confirmed in time either, the machine
    #   is at fault
    # @param limit [Numeric] the `max_staleness` of both
    # @param broken [#call] gets a sentence
    def initialize(etcd, reader, plain, limit, broken)
      @etcd = etcd
      @reader = reader
      @plain = plain
      @limit = limit
      @broken = broken
    end

    # After a put into both.
    # @param own [Reader::Sighting]
    # @param plain [Reader::Sighting]
    def written(own, plain)
      return if !own.stale || @told || busy?(plain.age)

      @told = true
      @broken.call("stale, age #{own.age.round(1)} s, while puts were seen")
    end

    # Without any write in the ranges, and for longer than the data may be unconfirmed.
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

    # An etcd that stands still, however lively what stands before it is.
    # @return [Float] seconds from its going on until the data was fresh
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
