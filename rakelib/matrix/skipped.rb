# frozen_string_literal: true

module Matrix
  # Summarises why tests were skipped, from the output of SpecFiles.
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
