# frozen_string_literal: true

require_relative "row"
require_relative "table"

module Matrix
  # The table in docs/compatibility.md.
  module Document
    FILE = File.expand_path("../../docs/compatibility.md", __dir__)

    module_function

    def write(*results)
      Table::SECTION.write(FILE) { |table| Table.renewed(table, results) }
    end
  end
end
