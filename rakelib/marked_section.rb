# frozen_string_literal: true

# The part of a document that a task writes, between two marks. The rest is written by hand.
class MarkedSection
  # @param first [String] the mark before it
  # @param last [String] the mark after it
  def initialize(first, last)
    @first = first
    @last = last
  end

  # @yieldparam old [String] the old text between the marks
  # @yieldreturn [String] the new text
  # @return [String] the document with the new text
  # @raise [ArgumentError] if a mark is missing
  def replace(document)
    before, first, rest = document.partition(@first)
    old, last, after = rest.partition(@last)
    raise ArgumentError, "the document lacks a mark: #{@first}" if first.empty? || last.empty?

    [before, first, "\n", yield(old), "\n", last, after].join
  end

  # Replaces it in a file, under a lock, so that two parallel runs do not lose each other's results.
  def write(path, &block)
    File.open(path, "r+", encoding: "UTF-8") do |file|
      file.flock(File::LOCK_EX)
      text = replace(file.read, &block)
      file.rewind
      file.write(text)
      file.truncate(file.pos)
    end
  end
end
