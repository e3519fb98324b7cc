# frozen_string_literal: true

require "etcd_discovery/testing"

module Bench
  # Measures the cost of many subscriptions: a change that concerns one of them, compared with the same change
  # when it is the only one. It uses no server, so that nothing else is measured.
  class Subscriptions
    MANY = 20_000
    CANCELLED = 2_000
    CHANGES = 31

    def rows
      measure(1) # warms up, so that one-time costs are not in the figures
      one, many = [1, MANY].map { |count| measure(count) }
      [row(:change, many, one, work: "one change among 20,000 subscriptions, processor", unit: "µs",
                               target: "≤ 2 ×"),
       row(:subscribe, many, one, work: "subscribe, of 20,000, processor each", unit: "µs"),
       Row.new(work: "cancel 2,000 of 20,000, processor", figure: many.fetch(:cancel), unit: "ms")]
    end

    private

    def row(name, many, one, **row)
      Row.new(figure: many.fetch(name), against: "one subscription", base: one.fetch(name), **row)
    end

    def measure(count)
      client = EtcdDiscovery::Client.new(source: "memory", watch: ["/service/"])
      MANY.times { |number| client.put("/service/#{number}/value", "0") }
      subscriptions = []
      began = processor { subscriptions = subscribe(client, count) }
      change = change(client)
      cancel = processor { subscriptions.shift(CANCELLED).each(&:cancel) }
      { subscribe: began * 1e6 / count, change: change * 1e6, cancel: cancel * 1e3 }
    ensure
      subscriptions.each(&:cancel)
    end

    def subscribe(client, count)
      Array.new(count) { |number| client.on_change(target(number)) { nil } }.tap { settle }
    end

    # Every tenth subscription is for a prefix.
    def target(number) = number % 10 == 9 ? "/service/#{number}/" : "/service/#{number}/value"

    def change(client)
      figures = Array.new(CHANGES) do |turn|
        processor do
          client.put("/service/0/value", turn.to_s)
          settle
        end
      end
      figures.sort[CHANGES / 2]
    end

    def settle = EtcdDiscovery::Testing.settle(timeout: 60)

    # The processor time that this process uses in the block, in seconds.
    def processor
      before = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
      yield
      Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - before
    end
  end
end
