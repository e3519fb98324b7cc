# frozen_string_literal: true

module EtcdDiscovery
  module History
    # The way back to a revision: what has to be written, and what must not have changed meanwhile.
    #
    # A key that lives under a lease, now or then, stays as it is: a registration would come back without the
    # process that keeps it alive.
    #
    # @api private
    class Rollback
      # @return [Array<Difference>] what it changes
      attr_reader :differences

      # @raise [CompactedError]
      def initialize(client, target, revision)
        @client = client
        past = Content.read(client, [target], revision)
        @now = Content.read(client, [target])
        @differences = @now.differences(past).reject { |one| past.leased?(one.key) || @now.leased?(one.key) }
      end

      # @return [Array<Array>] as the extension takes them
      def compares = differences.map { |one| [one.key, @now.revision_of(one.key)] }

      # @return [Array<Array>]
      def operations = differences.map { |one| [one.key, one.after] }
    end
  end
end
