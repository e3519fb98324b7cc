# frozen_string_literal: true

# Runs the suite in Debian roots with other versions of Ruby, Rails, the servers and etcd.
module Matrix
  # One environment that the suite runs in. `suite` is the Debian release of its root. `etcd` is a version to
  # build from its Go module, `ruby` a version from Debian's experimental packages; by default a row uses the
  # packages of its release. `tests` are keys of TESTS.
  Row = Struct.new(:name, :title, :suite, :ruby, :etcd, :tests, keyword_init: true)

  # The commands of each kind of test, as in bin/test.
  TESTS = {
    "core tests" => %w[rake test:core],
    "specs" => %w[rake spec],
    "gem installation" => %w[rake spec:packaging],
    "torture" => %w[rake torture[3]]
  }.freeze

  # The tests that print no totals, so that only their exit status counts.
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

  # Raised when an environment is not available on this machine; the message says why.
  class Unavailable < StandardError; end

  module_function

  # @param names [Array<String>] all rows if it is empty
  # @return [Array<Row>]
  def rows(names)
    return ROWS if names.empty?

    known = ROWS.map(&:name)
    wrong = names - known
    raise ArgumentError, "unknown row: #{wrong.join(', ')}; known are #{known.join(', ')}" if wrong.any?

    ROWS.select { |row| names.include?(row.name) }
  end
end
