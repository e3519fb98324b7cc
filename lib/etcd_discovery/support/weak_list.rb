# frozen_string_literal: true

module EtcdDiscovery
  # A list of objects that does not keep them from being collected.
  #
  # @api private
  class WeakList
    def initialize
      @objects = ObjectSpace::WeakMap.new
    end

    # Each object is its own value. Before Ruby 3.2, WeakMap checks whether the value is alive when it returns
    # keys. With another value it may return an object that is being collected, and the process crashes (Ruby
    # bug 18586).
    def <<(object)
      @objects[object] = object
      self
    end

    # WeakMap itself has no `delete` before Ruby 3.3.
    def delete(object)
      @objects = to_a.each_with_object(ObjectSpace::WeakMap.new) do |other, rest|
        rest[other] = other unless other.equal?(object)
      end
    end

    # @return [Array] the live objects; a copy, because another thread may add to the list
    def to_a
      @objects.keys
    end
  end
end
