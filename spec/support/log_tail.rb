# frozen_string_literal: true

module Harness
  # The end of a log, for the message of a failed example.
  module LogTail
    LINES = 25

    def self.of(path) = File.exist?(path) ? File.readlines(path).last(LINES).join : ""
  end
end
