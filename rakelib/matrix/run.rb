# frozen_string_literal: true

require_relative "document"
require_relative "environment"
require_relative "row"
require_relative "suite"

# Runs the suite in Debian roots of its own, one after another, each of them removed before the next is made.
module Matrix
  module_function

  # @param name [String, nil] one row, or all
  # @return [Boolean] whether no test failed
  def run(name)
    chosen = rows(name)
    missing = Environment.missing
    abort "rake matrix lacks #{missing.join('; ')}" if missing.any?

    run_rows(chosen).all?(&:passed?)
  rescue ArgumentError => e
    abort "rake matrix: #{e.message}"
  rescue Interrupt
    abort "rake matrix: interrupted; its root is removed"
  end

  def run_rows(chosen)
    # As Ctrl-C does: what runs ends, and the root is removed.
    %w[TERM HUP].each { |signal| Signal.trap(signal) { raise Interrupt } }
    results = chosen.map { |row| Suite.new(row).run.tap { |result| Document.write(result) } }
    lines = results.map { |result| Table.line(result) }
    puts "", Table.head, lines
    results
  end
end
