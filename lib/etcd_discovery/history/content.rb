# frozen_string_literal: true

module EtcdDiscovery
  # Keys at one revision, now or in the past, read from etcd itself.
  #
  # @api private
  module History
    # The last revision that there can be.
    LAST = (2**63) - 1

    # etcd takes 0 and less as the current revision, so a mistake would go unnoticed.
    def self.revision(given)
      return given if given.is_a?(Integer) && given.between?(1, LAST)

      raise ArgumentError, "expected a revision, a number above 0 and below 2**63, got #{given.inspect}"
    end

    # @return [Integer] what a key's last change is compared with; 0: there is no such key
    def self.compared(given, name)
      return given if given.is_a?(Integer) && given.between?(0, LAST)

      raise ArgumentError, "#{name}: expected 0, or a revision below 2**63, got #{given.inspect}"
    end

    # The prefixes of the gem's own keys, the change log and the fleet, but for those that a target names.
    # What is done with all keys of a prefix is not meant for them.
    #
    # @param targets [Array<String>] keys and prefixes
    # @return [Array<String>]
    def self.own_prefixes(config, targets)
      own = [config.change_log, config.fleet].compact.map(&:b)
      own.reject { |prefix| targets.any? { |target| target.b.start_with?(prefix) } }
    end

    # The result of a read: keys with their values, revisions and leases.
    class Content
      Row = Struct.new(:key, :value, :revision, :lease)

      # @return [Integer]
      attr_reader :revision
      # @return [Hash{String => Row}] in the order of keys
      attr_reader :rows

      class << self
        # @param targets [Array<String, Array>] keys, and prefixes that end in a slash; or pairs of a text and
        #   whether it is a prefix
        # @param at [Integer, nil] the revision; the current one when `nil`
        # @raise [CompactedError]
        def read(client, targets, at = nil)
          queries = targets.map do |target|
            [*(target.is_a?(Array) ? target : [target, prefix?(target)]), nil, false]
          end
          names = queries.map { |target,| target.inspect }
          names = [names.first, "#{names.size - 1} more"] if names.size > 3
          revision = at && History.revision(at)
          new(*client.native_read("read #{names.join(' and ')}", queries, revision))
        end

        # Content from outside etcd, to compare with etcd's.
        def of(values) = new(0, [[0, values.map { |key, value| [key, value, 0, 0] }]])

        private

        def prefix?(target) = target.empty? || target.end_with?("/")
      end

      def initialize(revision, found)
        @revision = revision
        @rows = found.flat_map(&:last).to_h { |row| [row.first, Row.new(*row)] }
      end

      def initialize_copy(source)
        super
        @rows = source.rows.dup
      end

      def value(key) = rows[key]&.value

      # @return [Integer] 0 if the key does not exist
      def revision_of(key) = rows[key]&.revision || 0

      # @return [Boolean] whether the key has a lease, and so belongs to the lease's holder
      def leased?(key) = rows[key]&.lease.to_i != 0

      # @param prefixes [Array<String>]
      # @return [Content] the same without the keys under these prefixes
      def without(prefixes)
        dup.tap { |content| content.rows.reject! { |key, _| key.b.start_with?(*prefixes) } }
      end

      # @param other [Content] of another revision
      # @return [Array<Difference>] the differences from this content to the other, in key order
      def differences(other)
        keys = (rows.keys | other.rows.keys).sort_by(&:b)
        changed = keys.reject { |key| value(key) == other.value(key) }
        changed.map { |key| Difference.new(key, value(key), other.value(key)) }
      end
    end
  end
end
