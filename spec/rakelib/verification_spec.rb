# frozen_string_literal: true

require "stringio"
require_relative "../../rakelib/verification"

RSpec.describe Verification do
  let(:output) { StringIO.new }
  let(:verification) { described_class.new(output) }

  it "continues after a failing step and prints only the totals on the last line" do
    verification.step("broken", "false")
    verification.step("sound", "true")
    verification.step("specs", "echo", "2 examples, 0 failures, 1 pending", tests: true)

    expect(verification.summary).to be false
    expect(output.string.lines.last).to eq "2 passed, 1 failed, 1 skipped\n"
  end

  it "prints before the totals what failed, and how to run it alone" do
    verification.record("setup", false, 1, "bin/setup test")
    verification.step("sh", "sh", "-c", "exit 1")
    failing = "echo 'rspec ./spec/a_spec.rb:5 # a promise'; echo '2 examples, 1 failure'; exit 1"
    verification.step("specs", "sh", "-c", failing, tests: true)
    verification.summary

    expect(output.string[/^Failures, and.*?^$/m].lines(chomp: true).drop(1))
      .to eq ["bin/setup test", "sh -c exit 1", "rspec ./spec/a_spec.rb:5 # a promise"]
  end

  it "ends a step that hangs, with everything that it started" do
    stub_const("#{described_class}::LIMIT", 0.2)
    expect(verification.step("stuck", "sh", "-c", "sleep 60 & wait")).to be false
    expect(output.string).to include "ended after 0.2 s"
  end
end
