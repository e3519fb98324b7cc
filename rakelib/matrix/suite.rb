# frozen_string_literal: true

require "fileutils"
require_relative "root"
require_relative "row"
require_relative "row_run"
require_relative "table"

module Matrix
  # Runs some rows of one Debian release, one after another in one root.
  class Suite
    LOGS = File.expand_path("../../tmp/matrix", __dir__)

    def initialize(rows, output: $stdout)
      @rows = rows
      @output = output
      @output.sync = true
    end

    # @yieldparam result [Table::Result] the result of each row, as soon as it is complete
    def run(&block)
      @started = now
      with_log do |log|
        with_root(log) do |root|
          @rows.each { |row| yield(result(row) { RowRun.new(row, root, log, @output) }) }
        end
      rescue Unavailable => e
        @rows.map { |row| unavailable(row, e) }.each(&block)
      end
    end

    private

    def with_log(&block)
      FileUtils.mkdir_p(LOGS)
      path = File.join(LOGS, "#{@rows.map(&:name).join('-')}.log")
      @output.puts "#{@rows.map(&:title).join('; ')}: the whole output goes to #{path}"
      File.open(path, "w+", &block)
    end

    def with_root(log)
      Root.open(@rows.first.suite, log) do |root|
        root.run(*root.command("bin/setup", "test")) or
          raise Unavailable, "bin/setup cannot install the packages for the tests"
        root.share_compiled
        yield root
      end
    end

    # The first row's seconds include making the root.
    def result(row)
      yield.result.tap do |result|
        result.row = row
        result.date = date
        result.seconds = (now - @started).round
        @started = now
      end
    rescue Unavailable => e
      unavailable(row, e)
    end

    def unavailable(row, error)
      @output.puts "#{row.name}: not available: #{error.message}"
      Table::Result.new(row:, ran: "not available: #{error.message}", date:)
    end

    def date = Time.now.strftime("%F")

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
