# frozen_string_literal: true

require "tmpdir"

module Bench
  # Measures when the last of some processes is ready that start at the same moment, each without a parent
  # that has the keys.
  class Boots
    include Harness::DSL

    KEYS = 100_000
    PROCESSES = [1, 4, 16].freeze

    # Loads the gem first, so that only its own start is measured.
    PROCESS = <<~'RUBY'
      configure "/boot/", boot_timeout: 300, **(ENV["COPY"] ? { cache_path: ENV["COPY"] } : {})
      report "loaded"
      hear
      started = now
      EtcdDiscovery.start
      report now - started
      hear
    RUBY

    # @param processes [Array<Integer>] how many start at once, in one measurement after the other
    def rows(processes = PROCESSES)
      @etcd = start_etcd(flags: %w[--max-txn-ops=10000 --max-request-bytes=10000000])
      Content.put(@etcd, "/boot/", KEYS) { |number| number.to_s.rjust(200, "v") }
      with_disk_copy(processes.max) + without(processes)
    ensure
      Harness::Cleanup.close_all
    end

    private

    def without(processes)
      seconds = processes.to_h { |count| [count, last_ready(count)] }
      seconds.map { |count, figure| row("#{count} at once", figure, seconds.fetch(processes.min)) }
    end

    def with_disk_copy(count)
      Dir.mktmpdir do |folder|
        path = File.join(folder, "copy")
        last_ready(1, { "COPY" => path }) { wait_until("the copy") { File.exist?(path) } }
        [row("#{count} at once, with a copy on disk", last_ready(count, { "COPY" => path }), nil)]
      end
    end

    def row(what, figure, alone)
      Row.new(work: "start until the last is ready, #{what}", figure:, unit: "s",
              against: ("one process" if alone), base: alone)
    end

    # Seconds until the last of `count` processes is ready.
    def last_ready(count, env = {})
      processes = Array.new(count) { ruby_process(PROCESS, @etcd, env:) }
      processes.each { |process| process.heard(timeout: 120) }
      processes.each(&:tell)
      seconds = processes.map { |process| process.heard(timeout: 300) }.max
      yield if block_given?
      seconds
    ensure
      processes&.each(&:close)
    end
  end
end
