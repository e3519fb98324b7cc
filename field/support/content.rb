# frozen_string_literal: true

require "digest"

module Field
  # The watched ranges, the written keys, and a digest to compare contents.
  module Content
    RANGES = {
      "key" => %w[/field/b/probe],
      "prefix" => %w[/field/b/],
      "prefixes" => %w[/field/b/ /field/d/ /field/f/],
      "overlapping" => %w[/field/b/ /field/b/inner/ /field/b/inner/probe]
    }.freeze
    # The keys whose changes are measured, one after another.
    PROBES = {
      "key" => %w[/field/b/probe],
      "prefix" => %w[/field/b/probe],
      "prefixes" => %w[/field/b/probe /field/d/probe /field/f/probe],
      "overlapping" => %w[/field/b/probe /field/b/inner/probe]
    }.freeze
    # The prefixes that other clients write: before, between and after the ranges.
    NEIGHBOURS = %w[/field/a/ /field/c/ /field/e/ /field/g/].freeze
    MANY = "/field/b/many/"
    HUGE = 1 << 20

    module_function

    # A value that begins with its number.
    def value(number, huge: false) = "#{number} ".ljust(huge ? HUGE : 20, "x")

    def prefix?(range) = range.end_with?("/")

    # @param content [Hash{String => String}] keys and values
    def digest(content)
      pairs = content.map { |key, value| [key.b, value.b] }
      Digest::SHA256.hexdigest(pairs.sort.flatten.map { |text| [text.bytesize, text].pack("Na*") }.join)
    end
  end
end
