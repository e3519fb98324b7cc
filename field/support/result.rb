# frozen_string_literal: true

require_relative "../../bench/support/stopwatch"
require_relative "reasons"

module Field
  # The result of one set-up's trial. Times are in seconds; `plain` are those of the plain set-up, measured in
  # turn; `age` is the greatest while nothing was written in the ranges. `broken` lists the broken promises,
  # `unavailable` says why the set-up is not available here, `failure` why the trial was aborted.
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

    # @return [Reason, nil] why it is slow
    def reason = slow? ? REASONS.find { |reason| reason.explains?(set_up, ratio) } : nil

    def unexplained? = slow? && reason.nil?

    # Whether the promises were kept. An unavailable set-up is not a failure.
    def kept? = broken.empty? && failure.nil?

    def sound? = kept? && !unexplained?
  end
end
