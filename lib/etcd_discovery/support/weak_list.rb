# frozen_string_literal: true

module EtcdDiscovery
  # Objects to be found again for as long as somebody else needs them.
  #
  # @api private
  class WeakList
    def initialize
      @objects = ObjectSpace::WeakMap.new
    end

    # Each object is its own value: Ruby before 3.2 looks whether the value is alive where it gives keys. With
    # any other it may give an object that is being collected, and the process crashes (Ruby's bug 18586).
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

    # @return [Array] what is alive; not iterated over in place, as another thread may add to it
    def to_a
      @objects.keys
    end
  end
end
