# frozen_string_literal: true

# Writes around the watched ranges until it is stopped, and reports its puts per second.

require_relative "../support/content"

THREADS = 4
# The puts per second of one thread.
RATE = 75

settings = JSON.parse(ENV.fetch("FIELD"), symbolize_names: true).fetch(:settings)
client = EtcdDiscovery::Client.new(endpoints:, **settings)
counts = Array.new(THREADS, 0)
started = now
threads = Array.new(THREADS) do |index|
  Thread.new do
    prefix = Field::Content::NEIGHBOURS[index]
    loop do
      client.put("#{prefix}#{counts[index] % 100}", "n" * 50)
      counts[index] += 1
      sleep [started + counts[index].fdiv(RATE) - now, 0].max
    end
  end
end
report "writing"
hear
threads.each(&:kill)
report((counts.sum / (now - started)).round)
