# frozen_string_literal: true

module Torture
  # The content of the watched ranges in three parts: a digest of the few keys, the number of all keys, and a
  # digest of the bulk.
  #
  # The recorder computes all three at every revision. A reader usually omits the digest of the bulk, because
  # it would have to read 100,000 keys at each of 80 revisions a second. It always has the number of keys, so
  # a deletion that is shown only in part is noticed at any time.
  Summary = Struct.new(:few, :total, :bulk) do
    def self.parse(few, total, bulk) = new(few, total.to_i, bulk == "-" ? nil : bulk)

    def to_s = "#{few} #{total} #{bulk || '-'}"

    # Whether a reader that saw `other` may have seen this.
    def fits?(other) = few == other.few && total == other.total && [nil, bulk].include?(other.bulk)
  end
end
