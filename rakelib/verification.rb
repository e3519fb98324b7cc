# frozen_string_literal: true

require "open3"
require_relative "failures"
require_relative "tally"

# Runs tasks one after another, each in its own process and with a time limit, continues after a failure, and
# adds up the results.
class Verification
  # The seconds after which a step counts as hanging. The slowest one, a compilation, takes minutes on two
  # cores, and longer only if other work shares them.
  LIMIT = 30 * 60

  # One step in the summary.
  Step = Struct.new(:name, :total, :seconds)

  # The steps that have run.
  attr_reader :steps

  def initialize(output = $stdout)
    @output = output
    # Each line is written at once, also to a file, because someone may be watching it.
    @output.sync = true
    @steps = []
    @failures = []
  end

  # Adds a step that was run elsewhere by `command`.
  def record(name, passed, seconds, command)
    @steps << Step.new(name, Tally.of_check(passed), seconds)
    failed(name, [command]) unless passed
  end

  # Runs a step. A check counts as one; a step with tests counts its tests, and must have run at least one.
  def step(name, *command, tests: false)
    announce(name)
    started = now
    text, succeeded = run(command)
    tally = tests ? Tally.of_tests(text, succeeded) : Tally.of_check(succeeded)
    @steps << Step.new(name, tally, now - started)
    return true if tally.failed.zero?

    alone = tests ? Failures.commands(text) : []
    failed(name, alone.empty? ? [command.join(" ")] : alone)
  end

  # Adds a step that cannot run because an earlier one failed.
  def skip(name, reason)
    announce("#{name}: skipped, #{reason}")
    @steps << Step.new(name, Tally.new(0, 0, 1), 0)
  end

  # Prints a line for each step, and the totals as the last line.
  #
  # @return [Boolean] whether nothing failed
  def summary
    @output.puts
    @steps.each do |step|
      @output.puts format("%-16<name>s %6.0<seconds>f s   %<total>s", step.to_h)
    end
    @output.puts "", "Failures, and how to run each alone:", *@failures, "" if @failures.any?
    total = @steps.sum(Tally.new(0, 0, 0), &:total)
    @output.puts format("%-16s %6.0f s", "in all", @steps.sum(&:seconds)), total
    total.failed.zero?
  end

  private

  # Prints a failure at once, for someone who is watching, and keeps it for the summary.
  #
  # @return [false]
  def failed(name, commands)
    @output.puts "", "== #{name} failed. To run it alone:", *commands
    @failures.concat(commands)
    false
  end

  def announce(text)
    @output.puts "", "== #{text}"
  end

  # Runs a command under `timeout`, which gives it its own process group and ends the whole group. The
  # terminal's Ctrl-C does not reach that group, so an interrupted run sends TERM to `timeout`, which ends the
  # group too.
  def run(command)
    text = +""
    status = Open3.popen2e("timeout", "--kill-after=10", LIMIT.to_s, *command) do |stdin, out, thread|
      stdin.close
      out.each_line { |line| @output.print(line) || (text << line) }
      thread.value
    rescue Interrupt
      Process.kill(:TERM, thread.pid)
      raise
    end
    @output.puts "ended after #{LIMIT} s" if status.exitstatus == 124
    [text, status.success?]
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
