# frozen_string_literal: true

require "digest"

# Breaking a cluster, and holding readers to their promises meanwhile.
module Torture
  # What is watched, and how one content of it is told from any other.
  module Content
    # Two ranges, and between them keys that nobody watches: their revisions must be followed too.
    RANGES = ["/t/a/", "/t/c/"].freeze
    UNWATCHED = "/t/b/"
    ALL = "/t/"

    module_function

    def watched?(key) = RANGES.any? { |range| key.start_with?(range) }

    # Of keys and values in the order of the keys' bytes. Lengths go in, so that no two contents look alike.
    def digest(pairs)
      text = pairs.map { |key, value| [key.bytesize, value.bytesize].pack("NN") << key.b << value.b }
      Digest::SHA256.hexdigest(text.join)
    end
  end
end
