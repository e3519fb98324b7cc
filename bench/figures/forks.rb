# frozen_string_literal: true

module Bench
  # Measures the cost of a fork with a live session, and how soon the child reads and watches.
  class Forks
    include Harness::DSL

    FORKS = 200

    # Reports the time that the parent spends in fork.
    COST = <<~'RUBY'
      connect "/fork/" if ENV["SESSION"]
      EtcdDiscovery["/fork/key"] if ENV["SESSION"]
      times = Array.new(Integer(ENV.fetch("FORKS"))) do
        started = now
        pid = fork { exit!(0) }
        seconds = now - started
        Process.wait(pid)
        seconds * 1e6
      end
      report times
    RUBY

    CHILD = <<~'RUBY'
      connect "/fork/"
      EtcdDiscovery["/fork/key"]
      Integer(ENV.fetch("FORKS")).times do
        started = now
        in_child do
          EtcdDiscovery["/fork/key"]
          read = now - started
          wait_until("the watch") { EtcdDiscovery.status.state == :watching }
          report [read * 1e3, (now - started) * 1e3]
        end
      end
    RUBY

    def rows
      @etcd = start_etcd
      @etcd.ctl.put("/fork/key", "value")
      cost_rows + child_rows
    ensure
      Harness::Cleanup.close_all
    end

    private

    def cost_rows
      plain = measure(COST, FORKS).heard(timeout: 120)
      live = measure(COST, FORKS, "SESSION" => "1").heard(timeout: 120)
      [50, 99].map do |percent|
        Row.new(work: "fork with a live session, p#{percent}", unit: "µs",
                figure: Stopwatch.percentile(live, percent), against: "fork without",
                base: Stopwatch.percentile(plain, percent),
                target: ("≤ 1 ms more" if percent == 99))
      end
    end

    def child_rows
      count = 20
      process = measure(CHILD, count)
      reads, watches = Array.new(count) { process.heard }.transpose
      [Row.new(work: "fork until the child has read", figure: Stopwatch.median(reads), unit: "ms",
               target: "no I/O"),
       Row.new(work: "fork until the child watches by itself", figure: Stopwatch.median(watches), unit: "ms",
               target: "< 50 ms")]
    end

    def measure(code, count, env = {})
      RubyProcess.new(code, endpoints: [@etcd.endpoint], env: { "FORKS" => count.to_s }.merge(env))
    end

    RubyProcess = Harness::RubyProcess
    private_constant :RubyProcess
  end
end
