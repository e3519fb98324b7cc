# frozen_string_literal: true

# The number of tests or checks that passed, failed and were skipped.
Tally = Struct.new(:passed, :failed, :skipped) do
  # The last line of each cargo test binary.
  rust = /^test result: \w+\. (?<passed>\d+) passed; (?<failed>\d+) failed; (?<skipped>\d+) ignored/
  # RSpec's last line.
  rspec = /^(?<all>\d+) examples?, (?<failed>\d+) failures?(?:, (?<skipped>\d+) pending)?/

  # The last line of SpecFiles, for several runs.
  plain = /^(?<passed>\d+) passed, (?<failed>\d+) failed(?:, (?<skipped>\d+) skipped)?$/

  # Adds up the totals in an output. A failure outside any test, such as a compile error, counts as one
  # failure, and so does a run without tests.
  define_singleton_method(:of_tests) do |output, succeeded|
    tally = output.scrub.each_line.sum(new(0, 0, 0)) do |line|
      counts = [rust, rspec, plain].filter_map { |closing| closing.match(line) }.first
      counts ? of_line(counts.named_captures.transform_values(&:to_i)) : new(0, 0, 0)
    end
    tally.failed.positive? || (succeeded && tally.any?) ? tally : tally + of_check(false)
  end

  def self.of_line(counts)
    failed, skipped = counts.values_at("failed", "skipped")
    new(counts["passed"] || (counts["all"] - failed - skipped), failed, skipped)
  end

  # A check is one thing that passes or fails.
  def self.of_check(passed) = passed ? new(1, 0, 0) : new(0, 1, 0)

  def +(other) = Tally.new(*to_a.zip(other.to_a).map(&:sum))

  def any? = to_a.any?(&:positive?)

  def to_s
    "#{passed} passed, #{failed} failed#{", #{skipped} skipped" if skipped.positive?}"
  end
end
