# frozen_string_literal: true

require "openssl"
require_relative "summary"

# Breaks a cluster, and checks that readers keep their promises meanwhile.
module Torture
  # Which keys there are, and how to tell one content from any other.
  module Content
    # Between them lie keys that no one watches: their revisions must be followed too.
    RANGES = ["/t/a/", "/t/c/", "/t/e/"].freeze
    UNWATCHED = "/t/b/"
    ALL = "/t/"

    # Under each range: a few keys that change all the time, then values as large as etcd takes, and thousands
    # of keys that come and go together. The last two are the bulk.
    FEW = "k/"
    HUGE = "huge/"
    MANY = "many/"

    FEW_PREFIXES = RANGES.map { |range| "#{range}#{FEW}" }.freeze
    BULK_PREFIXES = RANGES.flat_map { |range| ["#{range}#{HUGE}", "#{range}#{MANY}"] }.freeze

    # What a reader may ask for. Both are the same keys.
    WATCHES = {
      "prefixes" => RANGES,
      "overlapping" => [*RANGES, "/t/a/#{MANY}", "/t/c/#{FEW}", "/t/e/#{FEW}1"].freeze
    }.freeze

    module_function

    def watched?(key) = key.start_with?(*RANGES)

    def few?(key) = key.start_with?(*FEW_PREFIXES)

    # @param few [Array] keys with values, in the order of the keys' bytes
    # @param total [Integer] the number of watched keys
    # @param bulk [String, nil] the digest of the bulk; nil if the reader did not read it
    def summary(few, total, bulk) = Summary.new(digest(few), total, bulk)

    # Of keys with values in the order of the keys' bytes. Lengths go in, so that no two contents look alike.
    def digest(pairs)
      words = pairs.flatten(1).map(&:b)
      OpenSSL::Digest::SHA256.hexdigest(words.map(&:bytesize).pack("N*") << words.join)
    end
  end
end
