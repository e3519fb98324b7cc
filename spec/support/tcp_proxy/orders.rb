# frozen_string_literal: true

# The orders that a spec may give to the proxy. Each order changes the server's mode, and answers.
module Orders
  private

  def obey
    line = @control.gets || exit
    order, *words = JSON.parse(line)
    @control.puts(JSON.generate(send("order_#{order}", *words)))
  end

  def order_pass
    @mode = :pass
    @delay = 0
    @rate = nil
    open_listener
    @links.select(&:spoiled?).each { |link| drop(link, :reset) }
    "ok"
  end

  def order_lead_to(upstream_ports)
    @upstream_ports = upstream_ports.cycle
    "ok"
  end

  def order_cut
    @links.dup.each { |link| drop(link, :reset) }
    "ok"
  end

  def order_refuse
    @listener&.close
    @listener = nil
    order_cut
  end

  def order_blackhole(directions)
    @mode = :blackhole
    @directions = directions
    "ok"
  end

  def order_half_open
    @mode = :half_open
    "ok"
  end

  def order_strand
    @links.each(&:strand)
    "ok"
  end

  def order_delay(seconds)
    @delay = seconds
    "ok"
  end

  def order_throttle(bytes_per_second)
    @rate = bytes_per_second
    "ok"
  end

  def order_stats
    up = @carried["up"] + @links.sum { |link| link.up.bytes }
    down = @carried["down"] + @links.sum { |link| link.down.bytes }
    { "accepted" => @accepted, "open" => @links.size, "up" => up, "down" => down }
  end
end
