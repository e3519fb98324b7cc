# frozen_string_literal: true

require_relative "../marked_section"
require_relative "table"

# The table in docs/reliability.md. A run of one mutation replaces its row and keeps the others.
module MutantsDocument
  FILE = File.expand_path("../../docs/reliability.md", __dir__)
  SECTION = MarkedSection.new("<!-- This is written by `rake mutants`. -->\n",
                              "<!-- End of what `rake mutants` writes. -->\n")
  HEAD = <<~MARKDOWN
    | promise | what was broken | caught by | run of |
    | --- | --- | --- | --- |
  MARKDOWN

  # What one run says of one mutation.
  Row = Struct.new(:promise, :broken, :test, :date) do
    def self.of(mutation, test) = new(mutation.promise, mutation.broken, "`#{name(test)}`", today)

    # A test in Rust is named like a function, an example of RSpec by its sentence.
    def self.name(test) = test.include?("::") ? test.split("::").last.tr("_", " ") : test

    def self.today = Time.now.utc.strftime("%F")

    def to_s = "| #{to_a.join(' | ')} |\n"

    def about?(mutation) = promise == mutation.promise && broken == mutation.broken
  end

  module_function

  # @param test [String, nil] a test that failed; nil if none did
  def write(mutation, test)
    SECTION.write(FILE) do |old|
      kept = rows(old).reject { |row| row.about?(mutation) }
      kept << Row.of(mutation, test) if test
      MUTATIONS.filter_map { |one| kept.find { |row| row.about?(one) } }.join.prepend(HEAD)
    end
  end

  # @param text [String] the table, or the whole document
  # @return [Array<Row>]
  def rows(text)
    text.scan(/^\| (\d+ [^|]+) \| ([^|]+) \| (`.+?`) \| (\d{4}-\d\d-\d\d) \|$/)
        .map { |fields| Row.new(*fields) }
  end
end
