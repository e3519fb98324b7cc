# frozen_string_literal: true

require "socket"
require_relative "pipe"

# One proxied connection: a client, an upstream, and a pipe each way.
class Link
  RESET = [1, 0].pack("ii")

  attr_reader :up, :down

  def initialize(client, upstream)
    [client, upstream].each { |socket| socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1) }
    @up = Pipe.new(client, upstream)
    @down = Pipe.new(upstream, client)
  end

  # None when it is stranded: both sides believe in it, and nothing moves any more.
  def pipes = @stranded ? [] : [up, down]

  def strand = @stranded = true

  # It can never be right again: it lost bytes, or is stranded.
  def spoiled? = @stranded || pipes.any?(&:swallowed)

  def finished? = pipes.any?(&:finished?)

  # Sends an RST, not a FIN: what a peer sees whose other side has died.
  def reset
    [up.source, down.source].each do |socket|
      socket.setsockopt(Socket::SOL_SOCKET, Socket::SO_LINGER, RESET)
      socket.close
    end
  end

  def close = [up.source, down.source].each(&:close)
end
