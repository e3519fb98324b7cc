# frozen_string_literal: true

require_relative "../verification"
require_relative "etcd_build"
require_relative "newer_ruby"
require_relative "row"
require_relative "skipped"
require_relative "table"
require_relative "versions"

module Matrix
  # Runs the tests of one row in a prepared root.
  class RowRun
    # @param log [IO] gets all output; it must be readable too
    def initialize(row, root, log, output)
      @row = row
      @root = root
      @log = log
      @output = output
      @from = log.pos
      @run = Verification.new(log)
    end

    # @return [Table::Result]
    def result
      with_etcd { |variables| test(variables) }
      # Compiling is only preparation, so it is listed only when it fails.
      steps = @run.steps.select { |step| TESTS.key?(step.name) || step.total.failed.positive? }
      Table::Result.new(versions: @versions, ran: steps.map(&:name).join(", "), **counts(steps))
    end

    private

    def with_etcd
      return yield({}) unless @row.etcd

      programs = EtcdBuild.programs(@row.etcd, @log).map { |path| @root.add_program(path) }
      yield EtcdBuild.variables(programs).transform_keys(&:to_sym)
    end

    def test(variables)
      NewerRuby.install(@root, @row.ruby) if @row.ruby
      @versions = Versions.parse(@root.capture("sh", "-c", Versions::QUERY, **variables))
      @output.puts "#{@row.name}: #{@versions}"
      return unless step("compile", *@root.command("rake", "compile"))

      @row.tests.each { |name| step(name, *@root.command(*TESTS.fetch(name), **variables)) }
    end

    def step(name, *command)
      passed = @run.step(name, *command, tests: TESTS.key?(name) && !WITHOUT_TOTALS.include?(name))
      @output.puts format("%<row>s: %<name>s: %<total>s, %<seconds>.0f s",
                          row: @row.name, **@run.steps.last.to_h)
      passed
    end

    def counts(steps)
      total = steps.sum(Tally.new(0, 0, 0), &:total)
      printed = File.binread(@log.path, nil, @from).force_encoding(Encoding::UTF_8).scrub
      { passed: total.passed, failed: total.failed, skipped: Skipped.summary(total.skipped, printed) }
    end
  end
end
