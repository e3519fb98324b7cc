# frozen_string_literal: true

module EtcdDiscovery
  # Objects that go with a client, one of each class.
  class Client
    COMPANIONS = Lock.new
    private_constant :COMPANIONS

    # The object of a class that is made for this client and lives as long as it. A WeakMap would not do: it
    # holds its values as weakly as its keys.
    #
    # @api private
    # @param type [Class] made with the client
    # @return [Object]
    def companion(type)
      COMPANIONS.synchronize { (@companions ||= {})[type] ||= type.new(self) }
    end
  end
end
