# frozen_string_literal: true

require "fileutils"
require_relative "choice"
require_relative "trial"

module Field
  # Tries one set-up after another, each in turn with the plain set-up of the same etcd.
  class Run
    FOLDER = File.expand_path("../../tmp/field", __dir__)

    # How many times a set-up is tried if it is slow or its trial fails.
    TRIALS = 3

    # @param choice [Choice]
    def initialize(choice, output: $stdout)
      @choice = choice
      @output = output
      @random = Random.new(choice.seed)
    end

    # @return [Array<Result>]
    def results
      FileUtils.mkdir_p(FOLDER)
      File.open(File.join(FOLDER, "build.log"), "w") do |log|
        @choice.set_ups.group_by(&:etcd).flat_map { |etcd, set_ups| try_all(etcd, set_ups, log) }
      end
    end

    private

    def try_all(etcd, set_ups, log)
      Harness::Cleanup.enter
      plain = Measurement.new(Deployment.new(SetUp.plain(etcd), @choice.scale, log).start)
      plain.put
      set_ups.map { |set_up| try(set_up, plain, log) }
    rescue Matrix::Unavailable => e
      set_ups.map { |set_up| show(Result.blank(set_up, unavailable: e.message)) }
    ensure
      Harness::Cleanup.leave
    end

    def try(set_up, plain, log)
      @output.puts "#{set_up.name} …"
      (1..TRIALS).each do |trial|
        result = show(Trial.new(set_up, plain, @choice, @random, FOLDER).run(log))
        return result if trial == TRIALS || !uncertain?(result)
      end
    end

    # Whether a busy machine may be the cause, so that another trial is needed.
    def uncertain?(result)
      result.broken.empty? && (result.failure || (@choice.judges_speed? && result.unexplained?))
    end

    def show(result)
      @output.puts "    #{line(result)}"
      result
    end

    def line(result)
      return "not available: #{result.unavailable}" if result.unavailable

      speed = if result.measured?
                format("p50 %.1f ms, p99 %.1f ms, %.1f × plain", result.p50 * 1_000, result.p99 * 1_000,
                       result.ratio)
              end
      failure = "failed to run: #{result.failure}" if result.failure
      [*speed, *result.notes, *failure, *result.broken.map { |problem| "BROKEN: #{problem}" }].join("; ")
    end
  end
end
