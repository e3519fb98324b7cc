# frozen_string_literal: true

require_relative "document"
require_relative "environment"
require_relative "row"
require_relative "suite"

# Runs the suite in Debian roots, one after another. Rows of one release share a root, and each root is
# removed before the next one is made.
module Matrix
  module_function

  # @param names [Array<String>] the names of rows; all rows if empty
  # @return [Boolean] whether no test failed
  def run(names)
    chosen = rows(names)
    missing = Environment.missing
    abort "rake matrix lacks #{missing.join('; ')}" if missing.any?

    run_rows(chosen).all?(&:passed?)
  rescue ArgumentError => e
    abort "rake matrix: #{e.message}"
  rescue Interrupt
    abort "rake matrix: interrupted; its root is removed"
  end

  def run_rows(chosen)
    # Treats these signals like Ctrl-C: the current command ends, and the root is removed.
    %w[TERM HUP].each { |signal| Signal.trap(signal) { raise Interrupt } }
    results = []
    chosen.group_by(&:suite).each_value do |rows|
      Suite.new(rows).run { |result| Document.write(*results.push(result)) }
    end
    puts "", Table.head, *results.map { |result| Table.line(result) }
    results
  end
end
