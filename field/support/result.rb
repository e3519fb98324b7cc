# frozen_string_literal: true

require_relative "../../bench/support/stopwatch"
require_relative "reasons"

module Field
  # What the trial of one set-up found. Times are in seconds; `plain` are those of the plain set-up, measured
  # beside; `age` is the greatest while nothing was written in the ranges. `broken` says which promises did
  # not hold, `unavailable` why the set-up cannot be had here, `failure` why the trial did not end.
  Result = Struct.new(:set_up, :latencies, :plain, :age, :broken, :unavailable, :failure, :notes,
                      keyword_init: true) do
    def self.blank(set_up, **more) = new(set_up:, latencies: [], plain: [], broken: [], notes: [], **more)

    def measured? = latencies.any?

    def p50 = Bench::Stopwatch.percentile(latencies, 50)

    def p99 = Bench::Stopwatch.percentile(latencies, 99)

    def plain_p50 = Bench::Stopwatch.percentile(plain, 50)

    def plain_p99 = Bench::Stopwatch.percentile(plain, 99)

    def ratio = p50 / plain_p50

    def slow? = measured? && ratio > LIMIT

    # @return [Reason, nil] what explains that it is slow
    def reason = slow? ? REASONS.find { |reason| reason.explains?(set_up, ratio) } : nil

    def unexplained? = slow? && reason.nil?

    # A set-up that cannot be had is no failure.
    def kept? = broken.empty? && failure.nil?

    def sound? = kept? && !unexplained?
  end
end
