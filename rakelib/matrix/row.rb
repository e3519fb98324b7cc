# frozen_string_literal: true

# Runs the suite in Debian roots with other versions of what the gem works with.
module Matrix
  # One environment that the suite runs in. `suite` is the Debian release of its root. `etcd` is a version to
  # build from Go's modules, `ruby` one to take from Debian's experimental packages; without them a row has
  # what its release packages. `tests` are keys of TESTS.
  Row = Struct.new(:name, :title, :suite, :ruby, :etcd, :tests, keyword_init: true)

  # The same commands as in bin/test.
  TESTS = {
    "core tests" => %w[rake test:core],
    "specs" => %w[rake spec],
    "gem installation" => %w[rake spec:packaging],
    "torture" => %w[rake torture[3]]
  }.freeze

  # What prints no totals: its exit status alone counts.
  WITHOUT_TOTALS = ["torture"].freeze

  # The core tests load no Ruby and start no etcd, so one row runs them.
  ROWS = [
    Row.new(name: "bookworm", title: "Debian 12", suite: "bookworm", tests: TESTS.keys),
    Row.new(name: "trixie", title: "Debian 13", suite: "trixie", tests: ["specs", "gem installation"]),
    Row.new(name: "testing", title: "Debian testing", suite: "testing", tests: ["specs", "gem installation"]),
    Row.new(name: "ruby3.4", title: "Debian testing, Ruby 3.4", suite: "testing", ruby: "3.4",
            tests: ["specs", "gem installation"]),
    Row.new(name: "etcd3.6", title: "Debian 12, etcd 3.6", suite: "bookworm", etcd: "3.6", tests: ["specs"]),
    Row.new(name: "etcd3.7", title: "Debian 12, etcd 3.7", suite: "bookworm", etcd: "3.7", tests: ["specs"])
  ].freeze

  # This environment cannot be had here: the message says why.
  class Unavailable < StandardError; end

  module_function

  # @param names [Array<String>] all rows if it is empty
  # @return [Array<Row>]
  def rows(names)
    return ROWS if names.empty?

    known = ROWS.map(&:name)
    wrong = names - known
    raise ArgumentError, "no row #{wrong.join(', ')}; there are #{known.join(', ')}" if wrong.any?

    ROWS.select { |row| names.include?(row.name) }
  end
end
