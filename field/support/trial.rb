# frozen_string_literal: true

require_relative "checks"
require_relative "deployment"
require_relative "freshness"
require_relative "measurement"
require_relative "result"

module Field
  # Measures one set-up and checks its promises.
  #
  # It alternates puts with the plain set-up, so that other work on the machine affects both.
  class Trial
    # The seconds after which measuring ends. A slow path is evident by then.
    LONGEST = 60
    # The longest pause between two puts in seconds. It is random, so that no periodic wait stays hidden.
    GAP = 0.02

    # @param plain [Measurement] the plain set-up with the same etcd
    # @param folder [String] gets the evidence
    def initialize(set_up, plain, choice, random, folder)
      @plain = plain
      @scale = choice.scale
      @random = random
      @folder = folder
      @result = Result.blank(set_up)
    end

    # @param log [IO] gets the output of a build of etcd
    # @return [Result]
    def run(log)
      Harness::Cleanup.enter
      start(log)
      check
      @result
    rescue StandardError => e
      stopped_by(e)
    ensure
      keep_evidence unless @result.sound?
      Harness::Cleanup.leave
    end

    private

    def start(log)
      @deployment = Deployment.new(@result.set_up, @scale, log).start
      @measurement = Measurement.new(@deployment)
      @freshness = Freshness.new(@deployment.etcd, @deployment.reader, @plain.reader, @scale.max_staleness,
                                 method(:broken))
    end

    def check
      measure
      @result.age = @freshness.at_rest
      note("fresh %.1f s after a pause", @freshness.paused)
      @measurement.put
      delete_many if @deployment.set_up.values == "many"
      compare
      note("neighbours %d puts/s", @deployment.neighbours.stop) if @deployment.neighbours
    end

    def measure
      deadline = Harness.now + LONGEST
      latencies = @measurement.latencies
      while latencies.size < @deployment.puts && Harness.now < deadline
        @freshness.written(@measurement.put, @plain.put)
        sleep @random.rand(GAP)
      end
      @result.latencies = latencies.dup
      @result.plain = @plain.latencies.last(latencies.size)
    end

    def delete_many
      started = nil
      sighting = @deployment.reader.see_gone(Content::MANY, @deployment.probes.size) do
        started = Harness.now
        @deployment.ctl.delete(Content::MANY, "--prefix")
      end
      note("#{@scale.keys} keys gone after %.1f s", sighting.at - started)
      @measurement.put
    end

    def compare
      history = @measurement.history
      account = @deployment.reader.account(Checks.last(history))
      [Checks.snapshots(account.snapshots, history),
       Checks.changes(account.changes, history),
       Checks.digests(account.digests) { |revision| Content.digest(@deployment.content(revision)) }]
        .compact.each { |problem| broken(problem) }
    end

    def note(text, figure) = @result.notes << format(text, figure)

    def broken(problem) = @result.broken |= [problem]

    # @return [Result]
    def stopped_by(error)
      case error
      when Matrix::Unavailable then @result.unavailable = error.message
      when Reader::NotSeen then broken(error.message)
      else
        @trace = error.full_message(highlight: false)
        @result.failure = error.message.lines.first(2).join(" ")[0, 300]
      end
      @result
    end

    def keep_evidence
      path = File.join(@folder, "#{@result.set_up.name.tr(' ', '_')}.log")
      File.write(path, [*@result.broken, @trace, *Harness::Cleanup.reports].compact.join("\n"))
    end
  end
end
