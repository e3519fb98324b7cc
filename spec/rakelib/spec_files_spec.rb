# frozen_string_literal: true

require "stringio"
require "tmpdir"
require_relative "../../rakelib/spec_files"

RSpec.describe SpecFiles do
  let(:output) { StringIO.new }

  # A shell script stands for a file of specs: only its output and its status matter.
  def run(scripts)
    Dir.mktmpdir do |folder|
      files = scripts.map do |name, script|
        File.join(folder, name).tap { |path| File.write(path, script) }
      end
      return described_class.new(files, command: %w[sh], output:).run
    end
  end

  it "passes if every file passes, and adds up their examples" do
    passing = { "a" => "echo '2 examples, 0 failures'", "b" => "echo '1 example, 0 failures, 1 pending'" }
    expect(run(passing)).to be true
    expect(output.string.lines.last).to eq "2 passed, 0 failed, 1 skipped\n"
  end

  it "prints a line for each finished file, and nothing else of one that passes" do
    run("quiet" => "echo some words; echo '1 example, 0 failures'")
    expect(output.string).to match(%r{0 left .* /\S+/quiet +1 passed, 0 failed$})
    expect(output.string).not_to include "some words"
  end

  it "says why an example was skipped, also in a file that passes" do
    run("x" => "echo '  works (PENDING: no Go (yet))'; echo '1 example, 0 failures, 1 pending'")
    expect(output.string).to include "\n    skipped: no Go (yet)\n"
  end

  it "shows what a failing file printed, and ends with the command for each failed example" do
    failing = "echo 'rspec ./spec/x_spec.rb:3 # keeps a promise'; echo '4 examples, 1 failure'; exit 1"
    expect(run("x" => failing)).to be false
    expect(output.string)
      .to end_with "Failed examples:\nrspec ./spec/x_spec.rb:3 # keeps a promise\n\n3 passed, 1 failed\n"
  end

  it "counts a file that crashes as one failure, and names the signal and the file" do
    expect(run("crash" => "kill -SEGV $$")).to be false
    expect(output.string).to include("ended by signal 11").and match(%r{^rspec /\S+/crash$})
    expect(output.string.lines.last).to eq "0 passed, 1 failed\n"
  end

  it "treats a run without a file as a failure" do
    expect(run({})).to be false
  end
end
