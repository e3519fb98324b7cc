# frozen_string_literal: true

# The part of a document that a task writes, between two marks; the rest belongs to its authors.
class MarkedSection
  # @param first [String] the line that it begins after
  # @param last [String] the line that it ends before
  def initialize(first, last)
    @first = first
    @last = last
  end

  # @yieldparam old [String] what stands there
  # @yieldreturn [String] what is to stand there
  # @return [String] the document with that
  # @raise [ArgumentError] if a mark is missing
  def replace(document)
    before, first, rest = document.partition(@first)
    old, last, after = rest.partition(@last)
    raise ArgumentError, "the document lacks a mark: #{@first}" if first.empty? || last.empty?

    [before, first, "\n", yield(old), "\n", last, after].join
  end

  # Writes it into a file. Two runs at once must not lose each other's results.
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
