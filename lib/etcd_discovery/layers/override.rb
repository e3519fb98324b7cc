# frozen_string_literal: true

module EtcdDiscovery
  module Layers
    # The temporary value of one name: a key under a lease in the first layer.
    #
    # @api private
    class Override
      # Seconds; etcd's own limit.
      LONGEST = 9_000_000_000
      # Someone else must change the key each time before a write gives up.
      ATTEMPTS = 3
      private_constant :LONGEST, :ATTEMPTS

      def initialize(client, name)
        @client = client
        @name = name
        @keys = Layers.keys(client.config, name)
        @layer, @key = @keys.first
      end

      # @param shown [Integer, nil] the revision of the key that the caller has seen, 0 without one
      # @return [Integer] the revision of the change
      # @raise [ConflictError] when the key has another revision than `shown`
      def write(value, length, shown: nil, **why)
        value = text(value)
        ttl = seconds(length)
        attempt(shown) do |now|
          revision = under_lease(ttl) do |lease|
            @client.write!("override", [[@key, now&.revision || 0]], [[@key, value, lease]], **why)
          end
          # The key has left the lease of the override before.
          tidy(now.lease) if now
          revision
        end
      end

      # @param shown [Integer, nil] as for {#write}
      # @return [Integer, nil] the revision of the change; `nil` if there is no override
      # @raise [ConflictError] when the key has another revision than `shown`
      def release(shown: nil, **why)
        attempt(shown) do |now|
          next if now.nil?

          revision = @client.write!("release", [[@key, now.revision]], [[@key, nil]], **why)
          tidy(now.lease)
          revision
        end
      end

      private

      # Its lease may end, or someone else may override the name, between the look and the write. A caller
      # who says what it has seen does not want to replace anything else.
      def attempt(shown)
        attempts = 0
        begin
          yield present(shown)
        rescue ConflictError
          shown.nil? && (attempts += 1) < ATTEMPTS ? retry : raise
        end
      end

      # @return [History::Content::Row, nil]
      def present(shown)
        content = History::Content.read(@client, [[@key, false]])
        revision = content.revision_of(@key)
        raise Transaction::Conflict.new([@key, shown], revision).error unless [nil, revision].include?(shown)

        now = content.rows[@key]
        return now if now.nil? || !now.lease.zero?

        raise InvalidRequestError.new(
          "#{@key.inspect} has a value without a lease, so it is not an override, and ending one would " \
          "delete it; delete the key first, or put a layer for overrides in front of " \
          "#{@layer.inspect}", key: @key
        )
      end

      # After an error the value must not come into force. After a timeout it may have been written: revoking
      # the lease deletes it.
      def under_lease(ttl)
        lease = @client.native_grant("override #{@name.inspect}", ttl)
        @client.follow_leases
        revision = yield lease
      ensure
        give_up(lease) if lease && revision.nil?
      end

      # If this fails too, the lease ends by itself.
      def give_up(lease)
        @client.native_revoke("give up the override of #{@name.inspect}", lease)
      rescue Error
        nil
      end

      # If this fails, the lease, which has no keys left, expires by itself.
      def tidy(lease)
        @client.native_revoke_unused("end the lease of #{@key.inspect}", lease)
      rescue Error
        nil
      end

      # A declared setting takes what its field takes, whether it is declared by its name or by a whole key.
      def text(value)
        field = Settings.field_of(@client, @name, *@keys.map(&:last))
        return field&.check_text(value) || value if value.is_a?(String)
        return field.encode(value) if field

        raise TypeError, "expected a String, got #{value.class}"
      end

      def seconds(length)
        length = Settings::Types.number(length)
        return length.ceil if length.is_a?(Numeric) && length.real? && length.positive? && length <= LONGEST

        raise ArgumentError, "for: expected a number of seconds above 0, got #{length.inspect}"
      end
    end
  end
end
