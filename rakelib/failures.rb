# frozen_string_literal: true

# Finds in the output of a test run which tests failed, and says how to run each of them alone.
module Failures
  # RSpec's own list of failed examples: a command, then the name as a comment.
  RSPEC = %r{^rspec \S*spec/\S+.*}
  # One test of a cargo test binary.
  CARGO = /^test (?<name>\S+)(?: - should panic)? \.\.\. FAILED/

  module_function

  # @param output [String] what a run of RSpec or cargo printed
  # @return [Array<String>] one command for each failed test, without duplicates
  def commands(output)
    output.scrub.each_line(chomp: true).filter_map do |line|
      if line.match?(RSPEC)
        line
      elsif (test = CARGO.match(line))
        "cargo test --workspace --locked #{test[:name]}"
      end
    end.uniq
  end
end
