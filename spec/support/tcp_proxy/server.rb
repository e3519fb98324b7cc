# frozen_string_literal: true

# The proxy's own process: `server.rb LISTEN_PORT UPSTREAM_PORT…`, with orders as JSON lines on descriptor 3.
# Connections go to the upstream ports in turn.

require "json"
require "socket"
require_relative "link"
require_relative "orders"

# One loop over all sockets, without threads. Its mode and the clock decide what it does next.
class ProxyServer
  include Orders

  def initialize(port, upstream_ports, control)
    @port = port
    @upstream_ports = upstream_ports.cycle
    @control = control
    @links = []
    @accepted = 0
    @carried = { "up" => 0, "down" => 0 }
    @directions = []
    @delay = 0
    @mode = :pass
    open_listener
  end

  def run
    loop do
      readable, writable = IO.select(sources, sinks, nil, pause)
      serve(readable || [], writable || [])
    end
  end

  private

  def open_listener
    return if @listener

    @listener = TCPServer.new("127.0.0.1", @port)
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  # Half-open: nothing is read, nothing is written, nothing is accepted, nothing is closed.
  def still? = @mode == :half_open

  # A pipe that has lost bytes drops the rest too, until it is reset: no network delivers a stream with a hole
  # in it.
  def swallowing?(link, pipe)
    pipe.swallowed || (@mode == :blackhole && @directions.include?(pipe.equal?(link.up) ? "up" : "down"))
  end

  def sources
    return [@control] if still?

    [@control, @listener].compact + @links.flat_map { |link| link.pipes.select(&:room?).map(&:source) }
  end

  def sinks = still? ? [] : @links.flat_map { |link| link.pipes.select { |pipe| due?(pipe) }.map(&:sink) }

  def due?(pipe) = pipe.due && pipe.due <= now

  # How long until something is due. Bytes that are due already wait for their sink, not for the clock.
  def pause
    return if still?

    waits = @links.flat_map { |link| link.pipes.map(&:due) }.compact.map { |time| time - now }
    waits.select(&:positive?).min
  end

  def serve(readable, writable)
    obey if readable.include?(@control)
    return if still?

    accept if @listener && readable.include?(@listener)
    @links.dup.each { |link| move(link, readable, writable) }
  end

  def move(link, readable, writable)
    return if link.up.source.closed?

    link.pipes.each do |pipe|
      read(link, pipe) if readable.include?(pipe.source)
      pipe.give(now, @rate) if writable.include?(pipe.sink)
    end
    drop(link, :close) if link.finished?
  rescue SystemCallError, IOError
    drop(link, :reset)
  end

  def read(link, pipe) = swallowing?(link, pipe) ? pipe.swallow : pipe.take(now, @delay)

  def accept
    client = @listener.accept_nonblock(exception: false)
    return if client == :wait_readable

    @accepted += 1
    @links << Link.new(client, TCPSocket.new("127.0.0.1", @upstream_ports.next))
  rescue SystemCallError # the upstream does not exist
    client&.setsockopt(Socket::SOL_SOCKET, Socket::SO_LINGER, Link::RESET)
    client&.close
  end

  def drop(link, how)
    @carried["up"] += link.up.bytes
    @carried["down"] += link.down.bytes
    @links.delete(link)
    link.public_send(how)
  end
end

if $PROGRAM_NAME == __FILE__
  trap(:INT, "IGNORE") # Ctrl-C is for the spec run, which then closes the control line
  port, *upstream_ports = ARGV.map { |argument| Integer(argument) }
  ProxyServer.new(port, upstream_ports, UNIXSocket.for_fd(3)).run
end
