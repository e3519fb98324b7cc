# frozen_string_literal: true

require_relative "../../spec/support/ruby_process"

module Field
  # An application: a process that watches ranges, and reports what it reads and when.
  class Reader
    PROGRAM = File.expand_path("../programs/reader.rb", __dir__)
    # The timeout in seconds for anything that the process waits for. It reports a timeout itself.
    LIMIT = 30

    # A value seen at a time of the monotonic clock, which all processes of the machine share.
    Sighting = Struct.new(:at, :age, :stale)

    # Everything that the process has seen. `snapshots` are `[revision, {key => number}]`, `digests`
    # `[revision, digest]`, `changes` `[range, key, number or nil, revision]` as the range's subscriber got
    # them.
    Account = Struct.new(:snapshots, :digests, :changes)

    # Raised when the process did not see what it waited for.
    class NotSeen < StandardError; end

    # Starts the process, and returns when it has its first snapshot.
    def initialize(endpoint, ranges, settings)
      field = JSON.generate(ranges:, settings:, limit: LIMIT)
      @process = Harness::RubyProcess.new("load #{PROGRAM.inspect}", endpoints: [endpoint],
                                                                     env: { "FIELD" => field })
      answer
    end

    # Waits for the value with this number, while the block runs.
    #
    # @return [Sighting]
    def see(key, number, &block) = ask("see", key, number, &block)

    # Waits until all keys of a prefix are gone, while the block runs. They must disappear in one revision.
    def see_gone(prefix, left, &block) = ask("see_gone", prefix, left, &block)

    # Waits until `stale?` has the given value.
    #
    # @return [Float] the last time at which it had not
    def see_stale(stale)
      command("see_stale", stale)
      answer
    end

    # Observes the age for some seconds, while the block runs.
    #
    # @return [Float] the greatest age
    def watch_age(seconds)
      command("watch_age", seconds)
      yield if block_given?
      answer
    end

    # @param last [Hash{String => Integer}] the last number of each key
    # @return [Account]
    def account(last)
      command("account", last)
      Account.new(*answer.values_at(:snapshots, :digests, :changes)).tap do |account|
        account.snapshots.each { |pair| pair[1] = pair[1].transform_keys(&:to_s) }
      end
    end

    private

    def ask(*words)
      command(*words)
      yield if block_given?
      Sighting.new(*answer)
    end

    def command(*words) = @process.tell(JSON.generate(words))

    def answer
      answer = @process.heard(timeout: 2 * LIMIT)
      raise NotSeen, answer[:not_seen] if answer.is_a?(Hash) && answer[:not_seen]

      answer
    end
  end
end
