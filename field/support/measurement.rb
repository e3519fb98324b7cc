# frozen_string_literal: true

module Field
  # Puts one value after another, and measures how long each takes to be read.
  class Measurement
    # The puts: key and number, by revision.
    attr_reader :history, :latencies

    # @param deployment [Deployment]
    def initialize(deployment)
      @deployment = deployment
      @history = {}
      @latencies = []
      @number = 0
    end

    def reader = @deployment.reader

    # Puts the next value and waits until it is read. It must wait, because another put could make this one
    # visible.
    #
    # @return [Reader::Sighting]
    # @raise [Reader::NotSeen] if it is not read in time
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
