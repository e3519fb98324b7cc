# frozen_string_literal: true

# Breaks one promise at a time in a copy of the tree, runs the tests for it, prints which of them failed, and
# writes the table in docs/reliability.md: `ruby rakelib/mutants.rb [number …]`. The exit status is 1 if a
# mutation is not caught.

require "fileutils"
require "open3"
require_relative "mutants/document"

# A copy of the tree to break. Its compiled dependencies are kept for later runs.
class Laboratory
  ROOT = File.expand_path("../tmp/mutants", __dir__)
  TREE = File.join(ROOT, "tree")

  def initialize
    FileUtils.rm_rf(TREE)
    FileUtils.mkdir_p(TREE)
    files = Open3.capture2("git", "ls-files", "-z").first.split("\0").select { |file| File.file?(file) }
    Open3.capture2("tar", "--create", "--null", "--files-from=-", "--file=#{ROOT}/tree.tar",
                   stdin_data: files.join("\0"))
    # Cargo compares times: an older one would leave the mutation of the last run in the compiled tests.
    system("tar", "--extract", "--touch", "--directory", TREE, "--file", "#{ROOT}/tree.tar", exception: true)
  end

  # @return [Array(Boolean, String)] whether the tests passed, and their output
  def run(tests)
    output, status = Open3.capture2e({ "CARGO_TARGET_DIR" => "#{ROOT}/target" }, tests, chdir: TREE)
    [status.success?, output]
  end
end

# The names of the tests that failed.
def failed_tests(output)
  names = output.scan(/^test (\S+) \.\.\. FAILED|^---- (\S+) stdout|^rspec \S+ # (.+)$/).flatten.compact.uniq
  names.empty? ? abort("No test failed, but the command did:\n#{output}") : names
end

laboratory = Laboratory.new
chosen = ARGV.empty? ? MUTATIONS : ARGV.map { |number| MUTATIONS.fetch(Integer(number) - 1) }
chosen.map(&:tests).uniq.each do |tests|
  passed, output = laboratory.run(tests)
  abort "#{output}\nThe tests must pass without a mutation." unless passed
end
survivors = chosen.reject do |mutation|
  passed, output = mutation.apply(Laboratory::TREE) { laboratory.run(mutation.tests) }
  failed = passed ? [] : failed_tests(output)
  puts format("%-32<promise>s %-32<file>s %<caught>s", **mutation.to_h.slice(:promise, :file),
              caught: passed ? "NOT CAUGHT" : failed.first(3).join(", "))
  $stdout.flush
  # At once, so that an interrupted run keeps what it has found.
  MutantsDocument.write(mutation, failed.first)
  failed.any?
end
puts "#{chosen.size - survivors.size} of #{chosen.size} mutations caught"
exit(survivors.empty?)
