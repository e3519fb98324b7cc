# frozen_string_literal: true

module Field
  # Puts one value after another, and measures how long each takes to be read.
  class Measurement
    # What was put: the key and its number by the revision.
    attr_reader :history, :latencies

    # @param deployment [Deployment]
    def initialize(deployment)
      @deployment = deployment
      @history = {}
      @latencies = []
      @number = 0
    end

    def reader = @deployment.reader

    # Each key in turn. The next put may be what makes this one visible, so it waits.
    # @return [Reader::Sighting]
    # @raise [Reader::Blind] if it is not seen
    def put
      @number += 1
      key = @deployment.probes[@number % @deployment.probes.size]
      sent = nil
      sighting = reader.see(key, @number) do
        sent = Harness.now
        @history[@deployment.put(key, @number)] = [key, @number]
      end
      @latencies << (sighting.at - sent)
      sighting
    end
  end
end
