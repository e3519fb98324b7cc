# frozen_string_literal: true

module EtcdDiscovery
  class Transaction
    # A failed comparison, and the current state of its key.
    #
    # @api private
    class Conflict
      # @param compare [Array] as the extension took it: `[key, expected]`, or `[first, revision, end]`
      # @param revision [Integer] of the key's last change; 0: the key does not exist
      def initialize(compare, revision)
        @key, @expected, @end = compare
        @revision = revision
      end

      # @return [ConflictError]
      def error
        ConflictError.new("#{problem}; nothing was written", key: @key, revision: @revision)
      end

      private

      # Never contains a value, which may be a secret.
      def problem
        return "a key from #{shown} on has changed since revision #{@expected}: #{now}" if @end

        case @expected
        when 0 then "#{shown} exists: #{now}"
        when true then "#{shown} does not exist"
        when Integer then "#{shown} has changed since revision #{@expected}: #{now}"
        else "#{shown} does not hold the expected value: #{now}"
        end
      end

      def now = @revision.zero? ? "it does not exist now" : "its last change is of revision #{@revision}"

      def shown = @key.inspect
    end
  end
end
