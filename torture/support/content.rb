# frozen_string_literal: true

require "openssl"
require_relative "summary"

# Breaks a cluster, and checks that readers keep their promises meanwhile.
module Torture
  # The keys of the run, and digests that distinguish one content from another.
  module Content
    # The watched ranges. Between them are unwatched keys, whose revisions must be followed too.
    RANGES = ["/t/a/", "/t/c/", "/t/e/"].freeze
    UNWATCHED = "/t/b/"
    ALL = "/t/"

    # The keys under each range: a few that change all the time, some with values as large as etcd accepts,
    # and thousands that are put and deleted together. The last two are the bulk.
    FEW = "k/"
    HUGE = "huge/"
    MANY = "many/"

    FEW_PREFIXES = RANGES.map { |range| "#{range}#{FEW}" }.freeze
    BULK_PREFIXES = RANGES.flat_map { |range| ["#{range}#{HUGE}", "#{range}#{MANY}"] }.freeze

    # The ranges that a reader may watch. Both choices cover the same keys.
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

    # A digest of keys and values in byte order of the keys. It includes the lengths, so that no two contents
    # have the same input.
    def digest(pairs)
      words = pairs.flatten(1).map(&:b)
      OpenSSL::Digest::SHA256.hexdigest(words.map(&:bytesize).pack("N*") << words.join)
    end
  end
end
