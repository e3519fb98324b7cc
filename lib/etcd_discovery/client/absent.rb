# frozen_string_literal: true

module EtcdDiscovery
  # The result of `fetch` for a key that does not exist.
  #
  # @api private
  module Absent
    # @return [Object] `default`, unless there is none
    # @raise [KeyError]
    def self.value(receiver, key, default)
      yield key
      return default unless default.equal?(Absent)

      raise KeyError.new("key not found: #{key.inspect}", receiver:, key:)
    end
  end
end
