# frozen_string_literal: true

require "open3"
require_relative "failures"
require_relative "tally"

# Runs tasks one after another, each in a process of its own and under a time limit, goes on after a failure,
# and totals what they report.
class Verification
  # A step that takes longer than this hangs: the slowest, a compilation, takes minutes on two cores, and more
  # only when other work shares them.
  LIMIT = 30 * 60

  # One step as the summary shows it.
  Step = Struct.new(:name, :total, :seconds)

  # The steps that have run.
  attr_reader :steps

  def initialize(output = $stdout)
    @output = output
    # Into a file too each line goes at once: someone may be watching it.
    @output.sync = true
    @steps = []
    @failures = []
  end

  # Counts a step that ran elsewhere, by `command`.
  def record(name, passed, seconds, command)
    @steps << Step.new(name, Tally.of_check(passed), seconds)
    failed(name, [command]) unless passed
  end

  # A check counts as one; a step of tests counts as its tests, and must have run at least one.
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

  # Counts a step that cannot run because an earlier one failed.
  def skip(name, reason)
    announce("#{name}: skipped, #{reason}")
    @steps << Step.new(name, Tally.new(0, 0, 1), 0)
  end

  # Prints a line for each step, and the totals as the very last line.
  # @return [Boolean] whether nothing failed
  def summary
    @output.puts
    @steps.each do |step|
      @output.puts format("%-16<name>s %6.0<seconds>f s   %<total>s", step.to_h)
    end
    @output.puts "", "What failed, and how to run it alone:", *@failures, "" if @failures.any?
    total = @steps.sum(Tally.new(0, 0, 0), &:total)
    @output.puts format("%-16s %6.0f s", "in all", @steps.sum(&:seconds)), total
    total.failed.zero?
  end

  private

  # Said at once, for whoever watches, and again in the summary.
  # @return [false]
  def failed(name, commands)
    @output.puts "", "== #{name} failed. To run it alone:", *commands
    @failures.concat(commands)
    false
  end

  def announce(text)
    @output.puts "", "== #{text}"
  end

  # `timeout` puts the command in a process group of its own and ends the whole group. So does a TERM to it,
  # which an interrupted run must send: the terminal's Ctrl-C does not reach that group.
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
