# frozen_string_literal: true

module Bench
  # Measures the time from a put until a read returns it, for a user whose role covers just the two prefixes
  # that it watches. In parallel, root reads one prefix during the same writes.
  class OrdinaryUser
    include Harness::DSL

    PUTS = 200
    PER_SECOND = 20
    APP = '"/tick/", "/other/", user: "app", password: "bench-word"'
    ROOT = '"/tick/", user: "root", password: "root-secret"'

    def rows
      app, root = latencies(start_etcd_with_users)
      [50, 99].map do |percent|
        Row.new(work: "put until a read gives it, role for two prefixes, p#{percent}", unit: "µs",
                figure: Stopwatch.percentile(app, percent), against: "root, one prefix",
                base: Stopwatch.percentile(root, percent), target: "≤ 3 ×")
      end
    ensure
      Harness::Cleanup.close_all
    end

    private

    def start_etcd_with_users
      start_etcd.tap do |etcd|
        users = Harness::EtcdUsers.new(etcd).add("app", "bench-word", prefix: "/tick/")
        etcd.ctl.run("role", "grant-permission", "app-role", "read", "--prefix=true", "/other/")
        users.enforce
      end
    end

    def latencies(etcd)
      readers = [APP, ROOT].map { |who| RubyReader.new(TickReaders::READS.sub('"/tick/"', who), etcd, PUTS) }
      writer = client(etcd, "/unrelated", user: "root", password: "root-secret")
      PUTS.times do
        writer.put("/tick/a", Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond).to_s)
        sleep 1.fdiv(PER_SECOND)
      end
      writer.put("/tick/a", "end")
      readers.map(&:result)
    end
  end
end
