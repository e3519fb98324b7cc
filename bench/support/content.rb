# frozen_string_literal: true

module Bench
  # Puts the keys that are measured.
  module Content
    module_function

    # Puts `count` keys under `prefix`, with the block's value for each number.
    def put(etcd, prefix, count)
      (0...count).each_slice(5_000) do |numbers| # etcdctl sends 2 MiB at most
        etcd.ctl.transaction(*numbers.map { |number| [:put, "#{prefix}#{number}", yield(number)] })
      end
    end
  end

  # A process that changes other keys than those that are read.
  class ChangeWriter
    BATCH = 100

    def initialize(etcd, per_second:)
      @process = Harness::RubyProcess.new(<<~RUBY, endpoints: [etcd.endpoint])
        connect "/service/"
        report "writing"
        loop do
          started = now
          #{BATCH}.times { |n| EtcdDiscovery.put("/service/changing/\#{n}", started.to_s) }
          sleep [(#{BATCH.fdiv(per_second)}) - (now - started), 0].max
        end
      RUBY
      @process.heard
    end

    def stop = @process.close
  end
end
