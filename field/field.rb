# frozen_string_literal: true

# Checks the promises of freshness, exactness and speed on set-ups that people really have: `ruby
# field/field.rb [short] [SEED] [VALUE …]`. The arguments are explained in support/choice.rb.
#
# Exit status 0: all promises were kept, and every slow set-up has a known reason (`short` does not judge
# speed). Exit status 1: otherwise; the evidence is in tmp/field.

$stdout.sync = true
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require_relative "support/document"
require_relative "support/run"

begin
  choice = Field::Choice.new(ARGV)
rescue ArgumentError => e
  abort "rake field: #{e.message}"
end
load_before = File.read("/proc/loadavg").split.first
results = Field::Run.new(choice).results
table = Field::Table.new(results)
puts "", table, "", *table.reasons
Field::Document.write(choice, results, load_before) if choice.whole?

unsound = results.reject(&(choice.judges_speed? ? :sound? : :kept?))
exit 0 if unsound.empty?
puts "", "Broken, or slow without a known reason (evidence: #{Field::Run::FOLDER}); to run one alone:"
puts(unsound.map { |result| "rake \"field[#{result.set_up.name}]\"" })
exit 1
