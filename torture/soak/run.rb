# frozen_string_literal: true

require_relative "../../spec/support/etcd_server"
require_relative "../../spec/support/ruby_process"
require_relative "../../spec/support/gateway"
require_relative "table"

module Soak
  # Makes a million changes of a thousand keys, in transactions as large as etcd allows, while four readers
  # follow.
  class Run
    PROGRAMS = File.expand_path("programs", __dir__)
    READERS = %w[reads snapshots subscriber parent].freeze
    KEYS = 1_000
    # etcd's default limit of operations.
    TRANSACTION = 128

    attr_reader :table, :transactions

    def initialize(updates, seed)
      @steps = Array.new(10) { |step| updates * (step + 1) / 10 }
      @random = Random.new(seed)
      @table = Table.new
      @updates = @transactions = 0
    end

    def run
      @etcd = Harness::EtcdServer.new(flags: ["--quota-backend-bytes=#{4 << 30}"]).start
      @gateway = Harness::Gateway.new([@etcd.port])
      @gateway.commit(Array.new(TRANSACTION) { |n| [:put, "/s/#{n}", "0"] })
      start_readers
      @steps.each { |step| go_on_to(step) }
    end

    private

    def start_readers
      @readers = READERS.to_h do |name|
        code = "require #{File.join(PROGRAMS, name).inspect}"
        [name, Harness::RubyProcess.new(code, endpoints: @etcd.endpoint)]
      end
      @readers.each_value { |reader| reader.heard(timeout: 60) }
    end

    def go_on_to(updates)
      revision = commit while @updates < updates
      @readers.each_value { |reader| reader.tell(revision) }
      @readers.each { |name, reader| @table.add(name, @updates, reader.heard(timeout: 300)) }
      @gateway.compact(revision)
      puts "#{@updates} updates"
    end

    def commit
      keys = (0...KEYS).to_a.sample(TRANSACTION, random: @random)
      @transactions += 1
      @updates += keys.size
      @gateway.commit(keys.map { |key| [:put, "/s/#{key}", @random.rand(10**12).to_s] })
    end
  end
end
