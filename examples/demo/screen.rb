# frozen_string_literal: true

# What the demo prints: sentences, steps with the time they took, and tables.
class Screen
  def initialize(out = $stdout)
    @out = out
  end

  def say(*lines) = @out.puts(lines)

  # The line is visible while the step runs, so that no one waits before a silent screen.
  def step(name)
    @out.print "  #{name} … "
    start = now
    yield
    @out.puts "#{(now - start).round(1)} s"
  rescue Exception # rubocop:disable Lint/RescueException -- the line must end, also on Ctrl-C
    @out.puts
    raise
  end

  def table(head, rows)
    cells = [head, *rows].map { |row| row.map(&:to_s) }
    widths = cells.transpose.map { |column| column.map(&:size).max }
    lines = cells.map { |row| line(row, widths) }
    say rule(widths, "┌┬┐"), lines.shift, rule(widths, "├┼┤"), lines, rule(widths, "└┴┘")
  end

  private

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  def rule(widths, corners)
    left, middle, right = corners.chars
    "  #{left}#{widths.map { |width| '─' * (width + 2) }.join(middle)}#{right}"
  end

  def line(cells, widths)
    "  │#{cells.zip(widths).map { |cell, width| " #{cell.ljust(width)} " }.join('│')}│"
  end
end
