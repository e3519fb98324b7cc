# frozen_string_literal: true

module EtcdDiscovery
  # What a status holds, as JSON can say it: keys need not be UTF-8.
  #
  # @api private
  module Printable
    def self.of(value)
      case value
      when Hash then value.to_h { |name, part| [of(name), of(part)] }
      when Array then value.map { |part| of(part) }
      when String then value.dup.force_encoding(Encoding::UTF_8).scrub
      when Time then value.utc.iso8601(3)
      else value
      end
    end
  end
end
