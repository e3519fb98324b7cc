# frozen_string_literal: true

require_relative "../../spec/support/ruby_process"

module Field
  # An application: a process that watches ranges, and says what it reads and when.
  class Reader
    PROGRAM = File.expand_path("../programs/reader.rb", __dir__)
    # Seconds after which something that does not come will not come. The process says so first.
    LIMIT = 30

    # What is seen at a time of the monotonic clock, which all processes of the machine share.
    Sighting = Struct.new(:at, :age, :stale)

    # What the process has seen in all. `snapshots` are `[revision, {key => number}]`, `digests` `[revision,
    # digest]`, `changes` `[range, key, number or nil, revision]` as the range's subscriber got them.
    Account = Struct.new(:snapshots, :digests, :changes)

    # It did not see what it was to see.
    class Blind < StandardError; end

    # Comes back when it has its first snapshot.
    def initialize(endpoint, ranges, settings)
      field = JSON.generate(ranges:, settings:, limit: LIMIT)
      @process = Harness::RubyProcess.new("load #{PROGRAM.inspect}", endpoints: [endpoint],
                                                                     env: { "FIELD" => field })
      answer
    end

    # Looks for the value with this number; what is done in the block may bring it.
    # @return [Sighting]
    def see(key, number, &block) = ask("see", key, number, &block)

    # Looks for the absence of a prefix. It goes as a whole, or a snapshot is wrong.
    def see_gone(prefix, left, &block) = ask("see_gone", prefix, left, &block)

    # Looks until `stale?` is that.
    # @return [Float] the last time at which it was not
    def see_stale(stale)
      order("see_stale", stale)
      answer
    end

    # Looks at the age for so many seconds, beside what the block does.
    # @return [Float] the greatest
    def watch_age(seconds)
      order("watch_age", seconds)
      yield if block_given?
      answer
    end

    # @param last [Hash{String => Integer}] the last number of each key
    # @return [Account]
    def account(last)
      order("account", last)
      Account.new(*answer.values_at(:snapshots, :digests, :changes)).tap do |account|
        account.snapshots.each { |pair| pair[1] = pair[1].transform_keys(&:to_s) }
      end
    end

    private

    def ask(*words)
      order(*words)
      yield if block_given?
      Sighting.new(*answer)
    end

    def order(*words) = @process.tell(JSON.generate(words))

    def answer
      answer = @process.heard(timeout: 2 * LIMIT)
      raise Blind, answer[:blind] if answer.is_a?(Hash) && answer[:blind]

      answer
    end
  end
end
