# frozen_string_literal: true

require "tmpdir"

module Bench
  # Measures a check of a flag with Flipper's adapters. The database and Redis are measured as applications
  # use them: with Flipper's memoizer, which loads a feature once for each request.
  #
  # The request of this benchmark makes 10 checks of one feature. Debian's Flipper 0.25 has no adapter for
  # Redis: FLIPPER_LIB names the `lib` folder of one that has.
  class Flags
    include Harness::DSL

    CHECKS = 10
    LOCAL = 100_000
    REQUESTS = 200
    OURS = "EtcdDiscovery::Flipper"
    MEMORY = "Flipper's memory adapter"

    def rows
      Harness::Flippers.load
      local = local_figures
      [row("#{OURS}, one check", local[:ours], MEMORY, local[:memory]),
       *remote_rows(local[:ours]), *reads_rows(local)]
    ensure
      @redis&.stop
      Harness::Cleanup.close_all
    end

    private

    def row(work, figure, against, base) = Row.new(work:, figure:, unit: "ns", against:, base:)

    def reads_rows(local)
      [row("#{OURS}#get, without Flipper's own work", local[:get], "#{MEMORY}, the same", local[:memory_get])]
    end

    def remote_rows(ours)
      { "ActiveRecord (SQLite), memoized, one check of #{CHECKS}" => active_record,
        "Redis, memoized, one check of #{CHECKS}" => redis }.map do |work, adapter|
        row(work, adapter && memoized(adapter), OURS, ours)
      end
    end

    def local_figures
      etcd = start_etcd
      client = client(etcd, "/flipper/").start
      flags = { ours: EtcdDiscovery::Flipper.new(client:), memory: ::Flipper::Adapters::Memory.new }
              .transform_values { |adapter| enabled(adapter) }
      scope = binding
      flags.each do |name, one|
        scope.local_variable_set(name, one)
        scope.local_variable_set(:"#{name}_feature", one[:search])
      end
      scope.local_variable_set(:actor, ::Flipper::Actor.new("User;2"))
      Stopwatch.nanoseconds(loops, scope, reads: LOCAL)
    end

    def loops
      { ours: "ours.enabled?(:search, actor)", memory: "memory.enabled?(:search, actor)",
        get: "ours_feature.adapter.get(ours_feature)",
        memory_get: "memory_feature.adapter.get(memory_feature)" }
    end

    # A feature with some gates, as applications have them.
    def enabled(adapter)
      flags = ::Flipper.new(adapter)
      5.times { |number| flags[:search].enable_actor(::Flipper::Actor.new("User;#{number}")) }
      flags[:search].enable_percentage_of_actors(25)
      flags
    end

    # The time on the wall: what the other end of a connection does counts.
    def memoized(adapter)
      flags = enabled(adapter)
      actor = ::Flipper::Actor.new("User;2")
      rounds = Array.new(Stopwatch::ROUNDS) do
        Stopwatch.seconds { REQUESTS.times { request(flags, actor) } }
      end
      Stopwatch.median(rounds) / REQUESTS / CHECKS * 1e9
    end

    def request(flags, actor)
      flags.memoize = true # forgets what was loaded before
      CHECKS.times { flags.enabled?(:search, actor) }
    end

    def active_record
      require "active_record"
      require "flipper/adapters/active_record"
      ActiveRecord::Base.establish_connection(adapter: "sqlite3", database:)
      ActiveRecord::Schema.verbose = false
      ActiveRecord::Schema.define { Tables.create(self) }
      ::Flipper::Adapters::ActiveRecord.new
    rescue LoadError => e
      warn "not measured: #{e.message}"
    end

    def database = File.join(Dir.mktmpdir("etcd_discovery-flags-").tap { |path| remove_later(path) }, "flags")

    def remove_later(path) = at_exit { FileUtils.rm_rf(path) }

    def redis
      require "redis"
      require "flipper/adapters/redis"
      port = Harness::FreePort.take
      @redis = Harness::ChildProcess.new("redis-server", "--port", port.to_s, "--save", "",
                                         "--bind", "127.0.0.1")
      client = ::Redis.new(host: "127.0.0.1", port:)
      wait_until("Redis to listen") { ping(client) }
      ::Flipper::Adapters::Redis.new(client)
    rescue LoadError => e
      warn "not measured: #{e.message}"
    end

    def ping(client)
      client.ping
    rescue ::Redis::BaseError
      nil
    end

    # What Flipper's generator makes.
    module Tables
      def self.create(schema)
        schema.create_table(:flipper_features) do |table|
          table.string :key, null: false
          table.timestamps null: false
        end
        schema.create_table(:flipper_gates) do |table|
          table.string :feature_key, null: false
          table.string :key, null: false
          table.text :value
          table.timestamps null: false
        end
      end
    end
  end
end
