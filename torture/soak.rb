# frozen_string_literal: true

# Changes a thousand keys a million times, and checks that no reader grows: `ruby torture/soak.rb [UPDATES]`.
# Exit status 1 if one does.

$stdout.sync = true
require_relative "soak/run"

run = Soak::Run.new(Integer(ARGV.fetch(0, 1_000_000)), 1)
started = Harness.now
run.run
puts "in #{run.transactions} transactions, #{(Harness.now - started).round} s", "", run.table.lines, ""
abort run.table.growth.join("\n") if run.table.growth.any?

puts "no reader grew"
