# frozen_string_literal: true

# Changes etcd all the time: `writer.rb EPOCH SEED RATE`, where RATE is transactions per second. No two
# histories hold the same values.

require_relative "../support/content"
require_relative "../../spec/support/gateway"
require_relative "../support/settings"

# Does single puts and deletes, deletes of several keys, and transactions over all ranges, also of unwatched
# keys. Changes of thousands of keys are faults.
class Writer
  KEYS = Torture::Content::FEW_PREFIXES.zip([120, 80, 40]).to_h.freeze
  # The kinds of operations, with their share in percent.
  KINDS = { put: 45, delete: 10, transaction: 28, unwatched: 10, sweep: 4, large: 3 }.freeze

  def initialize(epoch, seed, rate, alive)
    @random = Random.new(seed)
    @mark = "#{epoch}.#{Process.pid}"
    @pause = 2.0 / rate
    @count = 0
    @alive = alive
    @gateway = Torture::Settings.gateway("root")
  end

  # Writes until the process that started it ends.
  def run
    until @alive.wait_readable(@random.rand * @pause)
      begin
        @gateway.commit(operations)
      rescue Harness::Gateway::Failed
        nil # it may have been committed or not; the recorder sees which
      end
    end
  end

  private

  def operations
    case kind
    when :put then [put(key)]
    when :delete then [[:delete, key]]
    when :transaction then transaction
    when :unwatched then [put("#{Torture::Content::UNWATCHED}#{@random.rand(20)}")]
    when :sweep then [[:delete_prefix, "#{KEYS.keys.first}#{@random.rand(10..12)}"]]
    when :large then [[:put, key, @random.bytes(@random.rand(20_000))]]
    end
  end

  def kind
    die = @random.rand(100)
    KINDS.find { |_, share| (die -= share).negative? }.first
  end

  def transaction
    keys = Array.new(@random.rand(2..60)) { key }.uniq
    keys.map { |key| @random.rand < 0.8 ? put(key) : [:delete, key] }
  end

  # A random key. Some keys end in bytes that are not text.
  def key
    range, size = KEYS.to_a.sample(random: @random)
    number = @random.rand(size)
    (number % 10).zero? ? "#{range}#{number}".b + "\x00\xFF".b : "#{range}#{number}"
  end

  def put(key) = [:put, key, "#{@mark}.#{@count += 1}"]
end

require "io/wait"
trap(:INT, "IGNORE")
trap(:TERM) { exit!(0) }
Writer.new(*ARGV.map { |word| Integer(word) }, IO.for_fd(3)).run
