# frozen_string_literal: true

module Bench
  # Measures how soon a whole fleet has a change: from the put to the last answer of a roll call, with all
  # processes on this machine. The writes of a call are counted by etcd's revision.
  class Fleet
    include Harness::DSL

    SIZES = [8, 32, 64].freeze
    CALLS = 30

    # One process that forks the members: each child follows etcd by itself.
    MEMBERS = <<~'RUBY'
      configure "/config/", fleet: "/fleet/"
      Integer(ENV.fetch("COUNT")).times do
        fork do
          EtcdDiscovery.start
          hear
          exit!(0)
        end
      end
      report "forked"
      hear
    RUBY

    # Puts, and waits for all; reports milliseconds from before the put, and revisions for each call.
    CALLING = <<~'RUBY'
      configure fleet: "/fleet/"
      count = Integer(ENV.fetch("COUNT"))
      wait_until("the members", 120) { EtcdDiscovery.fleet.members.size == count }
      calls = Array.new(Integer(ENV.fetch("CALLS"))) do |turn|
        started = now
        revision = EtcdDiscovery.put("/config/limit", turn.to_s)
        answered = EtcdDiscovery.fleet.await(revision, timeout: 30)
        raise answered.to_s unless answered.complete?

        [(now - started) * 1e3, EtcdDiscovery.fleet.present_revision - revision]
      end
      report calls
    RUBY

    def rows = SIZES.flat_map { |size| rows_of(size) }

    private

    def rows_of(size)
      etcd = start_etcd
      env = { "COUNT" => size.to_s, "CALLS" => CALLS.to_s }
      members = ruby_process(MEMBERS, etcd, env:)
      members.heard(timeout: 120)
      times, writes = ruby_process(CALLING, etcd, env:).heard(timeout: 600).transpose
      table(size, times, writes)
    ensure
      Harness::Cleanup.close_all
    end

    def table(size, times, writes)
      [50, 99].map do |percent|
        Row.new(work: "put until all of #{size} processes have answered, p#{percent}", unit: "ms",
                figure: Stopwatch.percentile(times, percent))
      end << Row.new(work: "writes of a roll call of #{size} processes", unit: "revisions",
                     figure: Stopwatch.median(writes), target: (size + 2).to_s)
    end
  end
end
