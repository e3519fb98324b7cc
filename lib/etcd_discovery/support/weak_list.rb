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

    # Calls the block with each live object.
    #
    # It leaves no Array of them behind. The collector takes what it finds on the stack of a sleeping thread
    # for references, and would then keep all of them.
    def each
      objects = to_a
      while (object = objects.pop)
        yield object
      end
    end

    # @return [Array] the live objects; a copy, because another thread may add to the list
    def to_a
      @objects.keys
    end

    # Finds the objects by their ids.
    #
    # Before Ruby 3.2 a WeakMap also returns objects that were collected and whose finalizers have not run
    # yet, if the collector has given up the page of memory that they are on (Ruby pull request 6152). They
    # have lost their instance variables: a Client answers `nil` for its parts. And the process crashes when
    # the collector meets one again. Looking an object up by its id has no such gap.
    module ById
      def initialize
        super
        @ids = {}
      end

      def <<(object)
        @ids[object.object_id] = true # rubocop:disable Lint/HashCompareByIdentity -- that would keep it alive
        super
      end

      def delete(object)
        @ids.delete(object.object_id)
        super
      end

      # The dispatcher calls this at each change, so it costs as little as it can while all objects are alive.
      def to_a
        @ids.keys.map! { |id| ObjectSpace._id2ref(id) }
      rescue RangeError
        # Once a process has had several Ractors, ids lead only to what Ractors may share.
        find(object_id) ? @ids.keys.filter_map { |id| find(id) || forget(id) } : super
      end

      private

      def find(id)
        ObjectSpace._id2ref(id)
      rescue RangeError
        nil
      end

      def forget(id)
        @ids.delete(id)
        nil
      end
    end
    private_constant :ById
    prepend ById if RUBY_VERSION < "3.2"
  end
end
