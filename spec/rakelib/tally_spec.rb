# frozen_string_literal: true

require_relative "../../rakelib/tally"

RSpec.describe Tally do
  it "adds up the closing lines of every cargo test binary" do
    output = <<~TEXT
      test result: ok. 41 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.31s
      test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s
    TEXT
    expect(described_class.of_tests(output, false).to_s).to eq "44 passed, 1 failed, 2 skipped"
  end

  it "reads RSpec's closing line, and counts pending examples as skipped" do
    expect(described_class.of_tests("12 examples, 2 failures, 3 pending\n", false).to_a).to eq [7, 2, 3]
  end

  it "reads the closing line of a run of several files" do
    expect(described_class.of_tests("7 passed, 1 failed, 2 skipped\n", false).to_a).to eq [7, 1, 2]
  end

  it "counts a failure that no test accounts for, such as a compile error, as one" do
    expect(described_class.of_tests("error: could not compile\n", false).to_s).to eq "0 passed, 1 failed"
    expect(described_class.of_tests("5 examples, 0 failures\n", false).to_s).to eq "5 passed, 1 failed"
  end

  it "treats a run without a test as a failure" do
    expect(described_class.of_tests("0 examples, 0 failures\n", true).to_s).to eq "0 passed, 1 failed"
  end

  it "reads output that is not valid UTF-8" do
    expect(described_class.of_tests("\xFF\n1 example, 0 failures\n", true).to_s).to eq "1 passed, 0 failed"
  end
end
