# frozen_string_literal: true

require_relative "row"
require_relative "table"

module Matrix
  # docs/compatibility.md. Two runs at once, of different rows, must not lose each other's results.
  module Document
    FILE = File.expand_path("../../docs/compatibility.md", __dir__)

    module_function

    def write(*results)
      File.open(FILE, "r+", encoding: "UTF-8") do |file|
        file.flock(File::LOCK_EX)
        text = Table.update(file.read, results)
        file.rewind
        file.write(text)
        file.truncate(file.pos)
      end
    end
  end
end
