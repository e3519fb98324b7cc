# frozen_string_literal: true

require "etc"
require "open3"
require_relative "failures"
require_relative "tally"

# Runs spec files in parallel, each in its own process: most of them wait for servers, and one that crashes
# Ruby must not end the others. Each file prints one line when it is done, and its own output only if
# something failed.
class SpecFiles
  # The folders whose files start first, because they take longest. A long file that started last would delay
  # the end.
  LONG = %w[service examples web servers rails main_job registration].freeze

  # One more than the number of processors, because a file waits more than it computes.
  PROCESSES = Integer(ENV.fetch("SPEC_PROCESSES", Etc.nprocessors + 1))

  def initialize(files, command: %w[rspec --no-color --format documentation], output: $stdout)
    @queue = files.sort_by { |file| [LONG.index(file.split("/")[1]) || LONG.size, file] }
    @size = files.size
    @command = command
    @output = output
    @output.sync = true
    @lock = Mutex.new
    @total = Tally.new(0, 0, 0)
    @failures = []
  end

  # @return [Boolean] whether every file passed and at least one test ran
  def run
    Array.new(PROCESSES) { Thread.new { work } }.each(&:join)
    @output.puts "", "Failed examples:", *@failures if @failures.any?
    @output.puts "", @total
    @total.failed.zero? && @total.any?
  end

  private

  def work
    while (file = @lock.synchronize { @queue.shift })
      started = now
      text, status = Open3.capture2e(*@command, file, stdin_data: "")
      @lock.synchronize { report(file, text.scrub, status, now - started) }
    end
  end

  def report(file, text, status, seconds)
    tally = Tally.of_tests(text, status.success?)
    @total += tally
    @output.puts format("%3<left>d left  %6.1<seconds>f s  %-46<file>s  %<tally>s",
                        left: @queue.size, seconds:, file:, tally:)
    text.scan(/\((?:PENDING|SKIPPED): (.+)\)$/).uniq.each { |reason,| @output.puts "    skipped: #{reason}" }
    show_failure(file, text, status) if tally.failed.positive?
  end

  # Prints the output of a failed file, indented, so that its last line is not taken for that of the whole
  # run.
  def show_failure(file, text, status)
    @output.puts text.gsub(/^/, "    ")
    @output.puts "    ended by signal #{status.termsig}" if status.signaled?
    commands = Failures.commands(text)
    @failures.concat(commands.empty? ? ["rspec #{file}"] : commands)
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
