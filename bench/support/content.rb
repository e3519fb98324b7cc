# frozen_string_literal: true

module Bench
  # Keys in etcd to measure with.
  module Content
    module_function

    # `count` keys under `prefix`, with what the block makes of each number.
    def put(etcd, prefix, count)
      (0...count).each_slice(5_000) do |numbers| # etcdctl sends 2 MiB at most
        etcd.ctl.transaction(*numbers.map { |number| [:put, "#{prefix}#{number}", yield(number)] })
      end
    end
  end

  # Changes keys beside those that are read, from a process of its own.
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
