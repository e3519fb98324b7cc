# frozen_string_literal: true

# Runs once everything is installed and built. Exit 0: everything shown was true. 1: something was not.
# 130, 143, 129: ended by Ctrl-C, TERM or a closed terminal.

require_relative "scenes"
require_relative "screen"

# Runs the scenes, and ends everything that they started, however the run ends.
class DemoRun
  def initialize(keep:)
    @keep = keep
    @screen = Screen.new
    @demo = Demo.new(@screen)
  end

  def run
    @demo.run
    stay if @keep
  rescue Interrupt
    @screen.say "", "Interrupted."
    exit 130
  rescue StandardError => e
    explain(e)
    exit 1
  ensure
    clean_up
  end

  private

  def stay
    @screen.say "", "It keeps running. Try", "", *@demo.commands.map { |line| "  #{line}" }
    @screen.say "", "Ctrl-C ends all of it."
    sleep
  rescue Interrupt
    @screen.say ""
  end

  def explain(error)
    warn "", "demo: FAILED: #{error.message}"
    warn error.backtrace.first(5) unless error.is_a?(Demo::Untrue)
    warn(Harness::Cleanup.reports.map { |line| "  #{line}" })
  end

  # A second Ctrl-C must not leave servers behind.
  def clean_up
    trap(:INT, "IGNORE")
    trap(:TERM, "IGNORE")
    Harness::Cleanup.close_all
  end
end

$stdout.sync = true
trap(:TERM) { exit 143 }
trap(:HUP) { exit 129 }
DemoRun.new(keep: ARGV.include?("--keep")).run
