# frozen_string_literal: true

require "fileutils"
require_relative "../verification"
require_relative "etcd_build"
require_relative "newer_ruby"
require_relative "root"
require_relative "row"
require_relative "skipped"
require_relative "table"
require_relative "versions"

module Matrix
  # Runs the tests of one row in a root of its own.
  class Suite
    LOGS = File.expand_path("../../tmp/matrix", __dir__)

    def initialize(row, output: $stdout)
      @row = row
      @output = output
      @variables = {}
    end

    # @return [Table::Result]
    def run
      started = now
      with_log do
        Root.open(@row.suite, @log) { |root| with_etcd(root) { test(root) } }
        result(seconds: (now - started).round)
      end
    rescue Unavailable => e
      @output.puts "#{@row.name}: not available: #{e.message}"
      result(ran: "not available: #{e.message}")
    end

    private

    def with_log
      FileUtils.mkdir_p(LOGS)
      path = File.join(LOGS, "#{@row.name}.log")
      @output.puts "#{@row.name}: #{@row.title}; what it prints goes to #{path}"
      File.open(path, "w") { |log| (@log = log) && yield }
    end

    def with_etcd(root)
      return yield unless @row.etcd

      EtcdBuild.open(@row.etcd, @log) do |programs|
        programs.each { |path| root.add_program(path) }
        @variables = { ETCD_BIN: "/usr/local/bin/etcd", ETCDCTL_BIN: "/usr/local/bin/etcdctl" }
        yield
      end
    end

    def test(root)
      @run = Verification.new(@log)
      return unless step("setup") { root.command("bin/setup", "test") }

      NewerRuby.install(root, @row.ruby) if @row.ruby
      @versions = Versions.parse(root.capture("sh", "-c", Versions::QUERY, **@variables))
      @output.puts "#{@row.name}: #{@versions}"
      root.share_compiled
      return unless step("compile") { root.command("rake", "compile") }

      @row.tests.each { |name| step(name, tests: true) { root.command(*TESTS.fetch(name), **@variables) } }
    end

    def step(name, tests: false)
      passed = @run.step(name, *yield, tests:)
      done = @run.steps.last
      @output.puts format("%<row>s: %<name>s: %<total>s, %<seconds>.0f s", row: @row.name, **done.to_h)
      passed
    end

    def result(**more)
      steps = @run&.steps || []
      # What only prepares the tests is worth a word when it fails.
      steps = steps.select { |step| TESTS.key?(step.name) || step.total.failed.positive? }
      Table::Result.new(row: @row, versions: @versions, ran: steps.map(&:name).join(", "),
                        date: Time.now.strftime("%F"), **counts(steps), **more)
    end

    def counts(steps)
      return {} if steps.empty?

      total = steps.sum(Tally.new(0, 0, 0), &:total)
      { passed: total.passed, failed: total.failed,
        skipped: Skipped.summary(total.skipped, File.read(@log.path, encoding: "UTF-8").scrub) }
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
