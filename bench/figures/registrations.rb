# frozen_string_literal: true

module Bench
  # Measures the cost of keeping ten thousand registrations alive in one process, which simulates many
  # processes. The counts of streams and renewals come from etcd.
  class Registrations
    include Harness::DSL

    COUNT = 10_000
    TTL = 30
    # The duration of the measurement. Each registration is renewed after a third of its TTL, so at least
    # twice.
    SECONDS = 25

    REGISTERING = <<~'RUBY'
      connect(ENV.fetch("WATCHED"))
      started = now
      registrations = Array.new(Integer(ENV.fetch("COUNT"))) do |number|
        EtcdDiscovery.register("many", "10.1.1.60:8081", id: number.to_s, ttl: Integer(ENV.fetch("TTL")))
      end
      registrations.each { |registration| registration.wait(timeout: 300) }
      report now - started
      while hear
        lost = registrations.count { |registration| registration.state != :registered }
        report [lost, Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)]
      end
    RUBY

    def rows
      @etcd = start_etcd
      rows_of("watched", "/service/") + rows_of("not watched", "/elsewhere/")
    ensure
      Harness::Cleanup.close_all
    end

    private

    def rows_of(name, watched)
      env = { "COUNT" => COUNT.to_s, "TTL" => TTL.to_s, "WATCHED" => watched }
      process = ruby_process(REGISTERING, @etcd, env:)
      registered = process.heard(timeout: 300)
      before = figures(process)
      sleep SECONDS
      after = figures(process)
      process.close
      table(name, registered, after, before)
    end

    def figures(process)
      process.tell
      lost, cpu = process.heard(timeout: 60)
      raise "#{lost} of #{COUNT} registrations are lost" if lost.positive?

      { at: Stopwatch.now, cpu:, renewals: @etcd.metric("etcd_debugging_lease_renewed_total"), streams: }
    end

    def streams
      calls = "{grpc_method=\"LeaseKeepAlive\""
      @etcd.metric("grpc_server_started_total#{calls}") - @etcd.metric("grpc_server_handled_total#{calls}")
    end

    def table(name, registered, after, before)
      seconds = after[:at] - before[:at]
      per_second = ->(what) { (after[what] - before[what]) / seconds }
      [Row.new(work: "10,000 registrations, TTL 30 s, keys #{name}: until registered", figure: registered,
               unit: "s"),
       Row.new(work: "keepalive streams of them", figure: after[:streams], unit: "open", target: "≤ 1"),
       Row.new(work: "renewals", figure: per_second.call(:renewals), unit: "/s",
               target: "#{COUNT * 3 / TTL} /s"),
       Row.new(work: "processor", figure: per_second.call(:cpu) * 100, unit: "% of a core")]
    end
  end
end
