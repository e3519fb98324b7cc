# frozen_string_literal: true

module EtcdDiscovery
  # For objects that hold locks, blocks or memory of the library and mean nothing in another process.
  #
  # @api private
  module ProcessBound
    include JsonSafe

    # Ruby's own message would name an inner part, and the data of settings would include the password.
    def marshal_dump
      raise TypeError, "#{self.class} belongs to this process, and Marshal cannot copy it (a cache or a " \
                       "job queue would); pass on what is needed of it: keys, values, or its as_json"
    end
  end
end
