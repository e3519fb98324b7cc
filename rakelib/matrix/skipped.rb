# frozen_string_literal: true

module Matrix
  # Why tests were skipped: what RSpec's documentation format says of each.
  module Skipped
    REASON = /^\s+skipped: (.+)$/

    module_function

    # @return [String, nil] such as "9: no Go", nil for none
    def summary(count, output)
      return if count.zero?

      "#{count}: #{output.scan(REASON).flatten.uniq.join('; ')}"
    end
  end
end
