# frozen_string_literal: true

# One direction of one proxied connection: the bytes read from `source` and not yet written to `sink`.
class Pipe
  CHUNK = 16 * 1024
  # Beyond this the source is not read any more, like a full network.
  BOUND = 256 * 1024
  # A throttled pipe sends this many portions a second.
  PORTIONS = 50

  attr_reader :source, :sink, :swallowed, :bytes

  def initialize(source, sink)
    @source = source
    @sink = sink
    @queue = [] # of [time due, bytes]
    @waiting = 0
    @bytes = 0
    @next_write = 0
  end

  def room? = @waiting < BOUND && !@ended

  def finished? = @ended && @queue.empty?

  # When something can be sent: nil when there is nothing.
  def due = @queue.empty? ? nil : [@queue.first.first, @next_write].max

  def take(now, delay)
    bytes = source.read_nonblock(CHUNK, exception: false)
    return if bytes == :wait_readable
    return @ended = true if bytes.nil?

    @waiting += bytes.bytesize
    @queue << [now + delay, bytes]
  end

  def swallow
    bytes = source.read_nonblock(CHUNK, exception: false)
    @ended = true if bytes.nil?
    @swallowed = true if bytes.is_a?(String)
  end

  # `rate` is in bytes a second; nil sends everything that is due.
  def give(now, rate)
    head = @queue.first.last
    portion = rate ? head.byteslice(0, [rate / PORTIONS, 1].max) : head
    sent = sink.write_nonblock(portion, exception: false)
    return if sent == :wait_writable

    @next_write = now + (sent.to_f / rate) if rate
    remove(sent)
  end

  private

  def remove(count)
    @bytes += count
    @waiting -= count
    head = @queue.first
    head[1] = head.last.byteslice(count..)
    @queue.shift if head.last.empty?
  end
end
